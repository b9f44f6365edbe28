//! A build in a service: it runs beside other work, tells what it does, and ends when somebody has heard enough.
//! `cargo run --features testing --example cancelled`
//!
//! The library waits for disks and networks, so an async service calls it where waiting is allowed, as in tokio's
//! `spawn_blocking`; here that is a thread.

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use imgbuild::host::Event;
use imgbuild::host::Host;
use imgbuild::host::MemoryStore;
use imgbuild::host::Reporter;
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

/// Has heard enough once packages are unpacked.
#[derive(Default)]
struct Service {
    enough: AtomicBool,
}

impl Reporter for Service {
    fn event(&self, event: &Event<'_>) {
        if let Event::StageStarted { stage, .. } = event {
            println!("{stage}");
            self.enough.fetch_or(*stage == "configure", Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let archive = ArchiveBuilder::new("test").package(&DebBuilder::new("hello", "1.0-1", "amd64"));
    let place = tempfile::tempdir()?;
    std::fs::write(place.path().join("archive.pgp"), archive.keyring())?;
    let recipe = recipe::parse(RECIPE, place.path())?;
    let transport = MemoryTransport::new().serve(MIRROR, archive.build());
    let host = Host::new(Arc::new(transport), Arc::new(MemoryStore::new()));
    let host = Host { now: ARCHIVE_DATE + 1, reporter: Arc::new(Service::default()), ..host };
    let mirrors = Mirrors { debian: vec![MIRROR.to_owned()], ..Mirrors::default() };
    let output = place.path().join("out");

    let build = std::thread::scope(|scope| {
        let build = scope.spawn(|| pipeline::build(&host, &Request::new(&recipe, &mirrors), &output));
        build.join().expect("a build does not panic")
    });
    let error = build.expect_err("it was cancelled");
    assert!(error.is_cancelled() && !output.exists());
    println!("{error}: nothing is left");
    Ok(())
}
