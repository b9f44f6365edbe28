//! What tests, benches and embedders build their worlds from, all made in code.

mod archive;
mod bootable;
mod deb;
mod howto;
pub mod http;
mod module;
mod reader;
pub mod signer;
mod tree;

pub use archive::ARCHIVE_DATE;
pub use archive::ArchiveBuilder;
pub use bootable::bootable_root;
pub use deb::DebBuilder;
pub use deb::ar_archive;
pub use deb::compressed;
pub use deb::entry;
pub use deb::tar_archive;
pub use howto::HOWTO;
pub use module::MODULE_CERTIFICATE;
pub use module::MODULE_KEY;
pub use module::kernel_module;
pub use reader::ShortReader;
pub use tree::TreeBuilder;

pub use crate::host::MemoryTransport;
