//! A root in memory: no output directory, and no cache on a disk. `cargo run --features testing --example in_memory`
//!
//! The archive is made here, so that nothing is asked of a network. Of a real one the transport is
//! `imgbuild::host::http::HttpTransport`, and the keys are Debian's, which a recipe without `signed-by` has.

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::sync::Arc;

use imgbuild::host::Host;
use imgbuild::host::MemoryStore;
use imgbuild::pipeline;
use imgbuild::pipeline::Mirrors;
use imgbuild::pipeline::Request;
use imgbuild::recipe;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;
use imgbuild::testing::DebBuilder;
use imgbuild::testing::MemoryTransport;

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

fn main() -> Result<(), Box<dyn Error>> {
    let hello = DebBuilder::new("hello", "1.0-1", "amd64").file("usr/bin/hello", 0o755, "#!/bin/sh\necho hello\n");
    let archive = ArchiveBuilder::new("test").package(&hello);
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("archive.pgp"), archive.keyring())?;

    let recipe = recipe::parse(RECIPE, place.path())?;
    let transport = MemoryTransport::new().serve(MIRROR, archive.build());
    let host = Host::new(Arc::new(transport), Arc::new(MemoryStore::new()));
    // The archive was signed a while ago.
    let host = Host { now: ARCHIVE_DATE + 1, ..host };
    let mirrors = Mirrors { debian: vec![MIRROR.to_owned()], ..Mirrors::default() };
    for root in pipeline::assemble(&host, &Request::new(&recipe, &mirrors))? {
        println!("{} paths of {} packages: {}", root.tree.len(), root.manifest.packages.len(), root.digest);
    }
    Ok(())
}
