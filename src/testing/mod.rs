//! What tests, benches and embedders build their worlds from, all made in code.

mod deb;
mod module;
mod reader;
mod tree;

pub use deb::DebBuilder;
pub use deb::ar_archive;
pub use deb::compressed;
pub use deb::entry;
pub use deb::tar_archive;
pub use module::kernel_module;
pub use reader::ShortReader;
pub use tree::TreeBuilder;
