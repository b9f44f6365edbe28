//! The keys Debian signs its archives with; `keys/README.md` says where they are from.

/// One file per key, as Debian's package `debian-archive-keyring` has them.
const DEBIAN: [&str; 9] = [
    include_str!("keys/debian-archive-bullseye-automatic.asc"),
    include_str!("keys/debian-archive-bullseye-security-automatic.asc"),
    include_str!("keys/debian-archive-bullseye-stable.asc"),
    include_str!("keys/debian-archive-bookworm-automatic.asc"),
    include_str!("keys/debian-archive-bookworm-security-automatic.asc"),
    include_str!("keys/debian-archive-bookworm-stable.asc"),
    include_str!("keys/debian-archive-trixie-automatic.asc"),
    include_str!("keys/debian-archive-trixie-security-automatic.asc"),
    include_str!("keys/debian-archive-trixie-stable.asc"),
];

/// The keyring for Debian's own archives.
#[must_use]
pub fn debian_keyring() -> Vec<u8> {
    DEBIAN.concat().into_bytes()
}
