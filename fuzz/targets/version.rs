//! Invariants under test: the order of versions is total, and agrees with what dpkg's database says of the same version.
#![no_main]

use std::cmp::Ordering;

use imgbuild::deb::Version;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let versions: Vec<Version> = input.split('\n').take(3).filter_map(|text| text.parse().ok()).collect();
    for version in &versions {
        let normalized: Version = version.normalized().parse().expect("a version");
        assert_eq!(normalized, *version);
        assert_eq!(normalized.normalized(), version.normalized());
    }
    for a in &versions {
        assert_eq!(a.cmp(a), Ordering::Equal);
        for b in &versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            for c in &versions {
                assert!(!(a <= b && b <= c) || a <= c, "{a} <= {b} <= {c}");
            }
        }
    }
});
