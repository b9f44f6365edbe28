//! A build in a tokio service: it runs where waiting is allowed, tells the service what it does, and ends when nobody
//! listens any more. `cargo run --features testing --example cancelled`

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::sync::Arc;

use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::host::MemoryStore;
use imgbuild::host::Reporter;
use imgbuild::host::Stage;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MemoryTransport;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task;

const MIRROR: &str = "http://deb.example.org/debian";
const RECIPE: &str = r#"
name = "small"
packages = ["hello"]
[debian]
suite = "test"
pockets = []
signed-by = "archive.pgp"
[install]
base = "essential"
"#;

/// Tells the service each stage. A build whose service has hung up is cancelled.
struct Told(mpsc::Sender<Stage>);

impl Reporter for Told {
    fn event(&self, event: &Event<'_>) {
        if let Event::StageStarted { stage, .. } = event {
            // Whether anybody has heard it is seen by `is_cancelled`.
            let _ = self.0.blocking_send(*stage);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    Runtime::new()?.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let archive = ArchiveBuilder::new("test").package(&DebBuilder::new("hello", "1.0-1", "amd64"));
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("archive.pgp"), archive.keyring())?;
    let recipe = recipe::parse(RECIPE, place.path())?;
    let output = place.path().join("out");

    // Room for one: a build is at most a stage ahead of who listens.
    let (tell, mut stages) = mpsc::channel(1);
    let transport = MemoryTransport::new().serve(MIRROR, archive.build());
    let host = Host::new(Arc::new(transport), Arc::new(MemoryStore::new()));
    let host = Host { now: ARCHIVE_DATE + 1, reporter: Arc::new(Told(tell)), ..host };
    let build = task::spawn_blocking({
        let output = output.clone();
        move || {
            let mirrors = Mirrors { debian: vec![MIRROR.to_owned()], ..Mirrors::default() };
            pipeline::build(&host, &Request::new(&recipe, &mirrors), &output)
        }
    });
    while let Some(stage) = stages.recv().await {
        println!("{stage}");
        if stage == Stage::Configure {
            break;
        }
    }
    // As when the client that asked for the build has gone.
    drop(stages);
    let error = build.await?.expect_err("it was cancelled");
    assert!(error.is_cancelled() && !output.exists());
    println!("{error}: nothing is left");
    Ok(())
}
