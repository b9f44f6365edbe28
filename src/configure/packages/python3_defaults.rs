//! Python, as far as shell scripts call it.

use super::package::Action::Remove;
use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("py3clean", |_| Ok(0)), ("py3compile", |_| Ok(0)), ("python3", python)],
    leaves: &[(Remove, &["**/__pycache__"], "byte code holds its source's time, and differs from run to run")],
    ..Package::of("python3-defaults")
};

/// `python3` for the program of any of its minor versions, as `python3.13`.
pub(in crate::configure) fn unversioned(name: &str) -> &str {
    let minor = name.strip_prefix("python3.").unwrap_or_default();
    let versioned = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    if versioned { "python3" } else { name }
}

/// Byte code is not in an image: it differs from run to run.
fn python(call: &mut Call<'_, '_>) -> Done {
    let program = call.args.iter().find(|word| !word.starts_with(b"-"));
    match program {
        Some(program) if program.ends_with(b"/py_compile.py") => Ok(0),
        _ => Err(Fault::gap("a program in Python")),
    }
}
