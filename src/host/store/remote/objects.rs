//! Which server a URL names, and how it is asked: with this program's TLS and limits of time.

use std::time::Duration;

use object_store::ClientOptions;
use object_store::Error as Refused;
use object_store::ObjectStore;
use object_store::ObjectStoreScheme;
use object_store::RetryConfig;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::HttpClient;
use object_store::client::HttpConnector;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path as Name;
use reqwest::Url;

use crate::host::http;

/// Times for a connection, and for silence.
const CONNECT: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(10);
/// A request is tried again so often, and for so long.
const RETRIES: usize = 1;
const RETRY_FOR: Duration = Duration::from_secs(10);

/// The objects at a URL, where below they are, and whether the server takes parts.
pub(super) fn objects(url: &Url, options: &[(String, String)]) -> Result<(Box<dyn ObjectStore>, Name, bool), Refused> {
    let (scheme, below) = ObjectStoreScheme::parse(url)?;
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
    /// Each builder has these methods, and no trait for them.
    macro_rules! built {
        ($builder:expr) => {{
            let builder =
                options.iter().fold($builder.with_http_connector(Ours), |builder, (key, value)| match key.parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                });
            Box::new(builder.with_retry(retry).build()?) as Box<dyn ObjectStore>
        }};
    }
    let (objects, in_parts) = match scheme {
        ObjectStoreScheme::AmazonS3 => (built!(AmazonS3Builder::new().with_url(url.as_str())), true),
        ObjectStoreScheme::GoogleCloudStorage => {
            (built!(GoogleCloudStorageBuilder::new().with_url(url.as_str())), true)
        }
        ObjectStoreScheme::MicrosoftAzure => (built!(MicrosoftAzureBuilder::new().with_url(url.as_str())), true),
        ObjectStoreScheme::Http => {
            let mut base = url.clone();
            base.set_path("/");
            (built!(HttpBuilder::new().with_url(base.as_str())), false)
        }
        _ => {
            let reason = "stores are at `s3://`, `gs://`, `az://`, `https://` or `http://`";
            return Err(Refused::Generic { store: "URL", source: reason.into() });
        }
    };
    Ok((objects, below, in_parts))
}

/// Connections with this program's cryptography and its limits of time.
#[derive(Debug)]
struct Ours;

impl HttpConnector for Ours {
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient, Refused> {
        let client = http::client(CONNECT).map(|builder| builder.read_timeout(IDLE).build());
        match client {
            Ok(Ok(client)) => Ok(HttpClient::new(client)),
            Ok(Err(error)) => Err(Refused::Generic { store: "HTTP", source: error.into() }),
            Err(error) => Err(Refused::Generic { store: "HTTP", source: error.into() }),
        }
    }
}
