//! What a user has settled once for all builds: `~/.config/imgbuild/config.toml`.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error as _;

use super::args::age;
use super::args::size;
use super::words::Failure;

/// A file of settings is short.
const MAX: u64 = 1 << 20;

/// All that can be settled.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) cache: CacheSettings,
}

/// What is kept from build to build.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CacheSettings {
    /// Where it lies.
    pub(super) directory: Option<PathBuf>,
    /// The store that it shares with other machines' caches.
    pub(super) store: Option<String>,
    /// How much it holds after a build.
    #[serde(deserialize_with = "as_size")]
    pub(super) max_size: u64,
    /// How long it holds what nobody uses.
    #[serde(deserialize_with = "as_age")]
    pub(super) max_age: Duration,
}

impl Default for CacheSettings {
    /// Several desktops' worth, and a season.
    fn default() -> Self {
        Self { directory: None, store: None, max_size: 20 << 30, max_age: Duration::from_secs(90 * 86_400) }
    }
}

impl Settings {
    /// The settings in a file; where there is none, the default ones.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut text = String::new();
        match File::open(path).and_then(|file| file.take(MAX).read_to_string(&mut text)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(Failure::File { action: "read", path: path.to_owned(), source }),
            Ok(_) => {}
        }
        let read: Result<Self, _> = toml::from_str(&text);
        let settings = read.map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))?;
        match settings.cache.directory.as_deref().filter(|directory| !directory.is_absolute()) {
            Some(_) => Err(Failure::Usage(format!("`{}`: `directory` is an absolute path", path.display()))),
            None => Ok(settings),
        }
    }
}

fn as_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    size(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn as_age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    age(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("config.toml");
        assert_eq!(Settings::read(&path).expect("none is the default"), Settings::default());
        std::fs::write(&path, "[cache]\nmax-size = \"2G\"\nmax-age = \"3d\"\ndirectory = \"/srv/cache\"\n")
            .expect("written");
        let CacheSettings { directory, max_size, max_age, .. } = Settings::read(&path).expect("read").cache;
        assert_eq!((directory, max_size), (Some("/srv/cache".into()), 2 << 30));
        assert_eq!(max_age, Duration::from_secs(3 * 86_400));
        for bad in
            ["cache = 1", "[cache]\nsize = \"1G\"", "[cache]\nmax-size = \"1 GB\"", "[cache]\ndirectory = \"x\"", "[x]"]
        {
            std::fs::write(&path, bad).expect("written");
            let Err(Failure::Usage(words)) = Settings::read(&path) else { panic!("{bad}") };
            assert!(words.contains("config.toml"), "{words}");
        }
    }
}
