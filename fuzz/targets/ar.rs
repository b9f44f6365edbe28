//! Invariants under test: what is accepted reads the same by single bytes, and, written by the crate `ar`, reads back as
//! the same members.
#![no_main]

use std::io::Read;

use imgbuild::format::ar::Error;
use imgbuild::format::ar::Reader;
use imgbuild_fuzz::OneByte;
use libfuzzer_sys::fuzz_target;

type Members = Vec<(String, Vec<u8>)>;

fn read(input: impl Read) -> Result<Members, Error> {
    let mut reader = Reader::new(input)?;
    let mut members = Vec::new();
    while let Some(member) = reader.next_member()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        assert_eq!(body.len() as u64, member.size);
        members.push((member.name, body));
    }
    Ok(members)
}

fuzz_target!(|input: &[u8]| {
    let members = read(input);
    assert_eq!(members.is_ok(), read(OneByte(input)).is_ok());
    let Ok(members) = members else { return };
    assert_eq!(read(OneByte(input)).expect("it was accepted"), members);
    let mut builder = ar::Builder::new(Vec::new());
    for (name, body) in &members {
        let header = ar::Header::new(name.clone().into_bytes(), body.len() as u64);
        builder.append(&header, body.as_slice()).expect("memory takes it");
    }
    // The crate starts GNU's and BSD's long names where a name does not fit its own rules, and writes nothing at all
    // where there is no member.
    if !members.is_empty() && members.iter().all(|(name, _)| name.len() < 16) {
        let written = builder.into_inner().expect("memory takes it");
        assert_eq!(read(written.as_slice()).expect("members that were read"), members);
    }
});
