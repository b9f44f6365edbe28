//! A signed Release, and nothing else: whose key signed it, for which suite, and until when.
//! `cargo run --example release -- InRelease KEYRING SUITE`
//!
//! With no arguments it looks at one that it has made itself (`--features testing`).

#![expect(clippy::print_stdout, reason = "an example shows what it has made")]

use std::error::Error;
use std::fs;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use imgbuild::archive::At;
use imgbuild::archive::Expected;
use imgbuild::archive::verify_release;
use imgbuild::format::signed::Signed;
use imgbuild::host::openpgp::OpenPgp;
use imgbuild::limits::Limits;
use imgbuild::testing::ARCHIVE_DATE;
use imgbuild::testing::ArchiveBuilder;

#[expect(clippy::disallowed_methods, reason = "here the clock becomes a value")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (text, keyring, suite, now) = match arguments.as_slice() {
        [text, keyring, suite] => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            (fs::read(text)?, fs::read(keyring)?, suite.clone(), i64::try_from(now)?)
        }
        _ => {
            let archive = ArchiveBuilder::new("test");
            let text = archive.build().remove("dists/test/InRelease").ok_or("an archive has one")?;
            (text, archive.keyring(), "test".to_owned(), ARCHIVE_DATE + 1)
        }
    };
    let limits = Limits::default();
    let expected = Expected { keyring: &keyring, suite: &suite, at: At::Now(now), allow: &[], limits };
    let signed = Signed::inline(&text)?;
    let verified = verify_release(&OpenPgp { limits }, &signed, &expected)?;
    println!("{} of {}, signed by {}", suite, verified.release().date, verified.signers().join(", "));
    Ok(())
}
