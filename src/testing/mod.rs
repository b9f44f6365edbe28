//! What tests, benches and embedders build their worlds from, all made in code.

mod module;

pub use module::kernel_module;
