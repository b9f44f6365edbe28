//! Invariants under test: whole .deb files are read without a panic and within limits; what is accepted is so by single
//! bytes and by threads too, with the same content.
#![no_main]

use std::error::Error;
use std::io::Read;

use imgbuild::deb::file::DebFile;
use imgbuild::digest::Sha256;
use imgbuild::format::tar::Header;
use imgbuild::limits::Limits;
use imgbuild_fuzz::OneByte;
use libfuzzer_sys::fuzz_target;

type Content = (String, Vec<String>, Vec<(Header, Sha256)>);

fn read(input: impl Read + Send, threads: u32) -> Result<Content, Box<dyn Error>> {
    let mut deb = DebFile::read(input, threads, &Limits::default())?;
    deb.package(1, Sha256::of(b""))?;
    let mut entries = Vec::new();
    while let Some(header) = deb.data.next_entry()? {
        let (digest, size) = Sha256::of_reader(&mut deb.data)?;
        assert_eq!(size, header.size);
        entries.push((header, digest));
    }
    Ok((deb.control, deb.members.into_keys().collect(), entries))
}

fuzz_target!(|input: &[u8]| {
    let whole = read(input, 1).ok();
    assert_eq!(read(OneByte(input), 1).ok(), whole);
    assert_eq!(read(input, 2).ok(), whole);
});
