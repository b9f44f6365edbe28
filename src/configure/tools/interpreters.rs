//! Perl and Python, as far as shell scripts call them.

use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] =
    &[("perl", perl), ("py3clean", |_| Ok(0)), ("py3compile", |_| Ok(0)), ("python3", python)];

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

/// Scripts ask whether there is a perl that runs; and bookworm's ucf makes a regular expression of a path.
fn perl(call: &mut Call<'_, '_>) -> Done {
    match call.args {
        [e, text] if e == b"-e" && text.is_empty() => Ok(0),
        [nle, text] if nle == b"-nle" && text == br#"print "\Q$_\E\n""# => {
            let mut quoted = Vec::new();
            for line in call.input()?.split_inclusive(|&byte| byte == b'\n') {
                for &byte in line.strip_suffix(b"\n").unwrap_or(line) {
                    let plain = byte.is_ascii_alphanumeric() || byte == b'_';
                    quoted.extend(if plain { &b""[..] } else { b"\\" });
                    quoted.push(byte);
                }
                quoted.extend(b"\n\n");
            }
            call.out(quoted).map(|()| 0)
        }
        _ => Err(Fault::gap("a program in Perl")),
    }
}
