//! perl(1), as far as shell scripts call it.

use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("perl", perl)], ..Package::of("perl") };

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
        // What SpamAssassin's script does with it is left to a node.
        [module, e, text] if module == b"-MMail::SpamAssassin" && e == b"-e" && text.starts_with(b"print(") => {
            leave_to_first_boot(call)
        }
        _ => Err(Fault::gap("a program in Perl")),
    }
}
