//! ip(8): what a machine without a network says of it.

use super::package::Package;
use crate::utilities::Call;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// What is known of it.
pub(super) const PACKAGE: Package = Package { commands: &[("ip", ip)], ..Package::of("iproute2") };

/// What every network namespace has when it is new (network_namespaces(7)): the loopback, which is down.
const LOOPBACK: [&str; 2] = [
    "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000",
    "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
];

/// `ip [-o] [-4|-6] route|link [show]`: there are no routes where an image is made, and only that card.
fn ip(call: &mut Call<'_, '_>) -> Done {
    let is_option = |word: &&Vec<u8>| matches!(word.as_slice(), b"-o" | b"-oneline" | b"-4" | b"-6");
    let options: Vec<&Vec<u8>> = call.args.iter().take_while(is_option).collect();
    let (object, action) = match &call.args[options.len()..] {
        [object] => (object.as_slice(), &b"show"[..]),
        [object, action] => (object.as_slice(), action.as_slice()),
        _ => (&b""[..], &b""[..]),
    };
    if !matches!(action, b"show" | b"list" | b"ls") {
        return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' ')))));
    }
    let is_one_line = options.iter().any(|option| option.starts_with(b"-o"));
    match object {
        b"r" | b"ro" | b"route" => {}
        b"l" | b"link" => {
            let between = if is_one_line { "\\" } else { "\n" };
            call.out(format!("{}\n", LOOPBACK.join(between)))?;
        }
        _ => return Err(Fault::gap(format!("the arguments `{}`", show(&call.args.join(&b' '))))),
    }
    Ok(0)
}
