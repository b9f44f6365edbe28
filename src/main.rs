//! The program `imgbuild`: hands over to the command line, or to the sandbox's helper that it also is.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the program reads its arguments here and in cli only")]
fn main() -> ExitCode {
    // First, because the helper must not have a second thread.
    #[cfg(feature = "sandbox")]
    if let Some(code) = imgbuild::host::sandbox::child_main(std::env::args_os()) {
        return code;
    }
    ExitCode::SUCCESS
}
