//! The `imgbuild` program: everything it does is in the library's `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A process that is the sandbox's helper has to know it before it does anything else.
    #[cfg(feature = "sandbox")]
    if let Some(code) = imgbuild::host::sandbox::child_main(std::env::args_os()) {
        return code;
    }
    imgbuild::cli::main()
}
