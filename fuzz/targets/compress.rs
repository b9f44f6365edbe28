//! Invariants under test: whatever is packed unpacks to itself, the same by one thread or two; whatever unpacks, unpacks
//! to the same by threads, and every proper beginning of a packed stream is refused.
#![no_main]

use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;

use imgbuild::format::compress::Allowance;
use imgbuild::format::compress::Compression;
use imgbuild::format::compress::decoder;
use imgbuild::format::compress::encoder;
use libfuzzer_sys::fuzz_target;

fn unpack(kind: Compression, bytes: &[u8], threads: u32) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    let limits = Allowance { threads, ..Allowance::new(1 << 20) };
    decoder(kind, BufReader::with_capacity(7, bytes), limits)?.read_to_end(&mut output)?;
    Ok(output)
}

fuzz_target!(|input: &[u8]| {
    let [choice, rest @ ..] = input else { return };
    let kinds = [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2, Compression::Lzma];
    let kind = kinds[usize::from(choice % 5)];
    if choice & 0x80 == 0 {
        let one = unpack(kind, rest, 1);
        let two = unpack(kind, rest, 2);
        assert_eq!(one.as_ref().ok(), two.as_ref().ok(), "{one:?} {two:?}");
        return;
    }
    let mut encoder = encoder(kind, 1, Vec::new()).expect("an encoder");
    encoder.write_all(rest).expect("memory takes it");
    let packed = encoder.finish().expect("memory takes it");
    assert_eq!(unpack(kind, &packed, 1).expect("our own stream"), rest);
    let cut = usize::from(*choice) * packed.len() / 256;
    assert!(unpack(kind, &packed[..cut], 1).is_err(), "{kind:?} cut to {cut} of {}", packed.len());
});
