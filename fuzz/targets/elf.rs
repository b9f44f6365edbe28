//! Invariants under test: no panic, and everything that is yielded lies inside the file.
#![no_main]

use imgbuild::format::elf::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(object) = Object::parse(input) else { return };
    let inside =
        |part: &[u8]| part.is_empty() || input.as_ptr_range().contains(&part.as_ptr()) && part.len() <= input.len();
    assert!(object.interpreter.is_none_or(inside));
    for name in [".modinfo", ".symtab", ".text", ""] {
        assert!(object.section(name).is_none_or(inside), "{name}");
    }
    let dynamic = object.dynamic.unwrap_or_default();
    assert!(dynamic.soname.into_iter().chain(dynamic.needed).chain(dynamic.run_path).all(inside));
});
