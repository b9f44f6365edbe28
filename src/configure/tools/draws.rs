//! Programs that make keys, certificates, passwords and ids. What they make is each machine's own and in no image: for
//! packages whose first boot is known ([`System::draws`](crate::shell::system::System)) a stand-in is put where it
//! would go, for all others they are gaps.

use super::later;
use crate::shell::machine::STAND_IN;
use crate::shell::machine::STAND_IN_ID;
use crate::tree::Inode;
use crate::utilities::Call;
use crate::utilities::Command;
use crate::utilities::Done;
use crate::utilities::Fault;
use crate::utilities::show;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("mcookie", |call| prints(call, "496d676275696c64496d676275696c64\n")),
    ("shuf", |call| match call.args {
        [range, most] if range.starts_with(b"-i") && most == b"-n1" => prints(call, &format!("{STAND_IN}\n")),
        [range, _, most] if range == b"-i" && most == b"-n1" => prints(call, &format!("{STAND_IN}\n")),
        args => Err(unknown(args)),
    }),
    ("uuidgen", |call| match call.args {
        [] => prints(call, &format!("{STAND_IN_ID}\n")),
        [random] if random == b"-r" || random == b"--random" => prints(call, &format!("{STAND_IN_ID}\n")),
        args => Err(unknown(args)),
    }),
];

pub(in crate::configure) fn unknown(args: &[Vec<u8>]) -> Fault {
    Fault::gap(show(&args.join(&b' ')))
}

/// Whether a node is known to make what this package's scripts draw; notes that it does.
///
/// # Errors
/// A gap: it is not.
pub(in crate::configure) fn permitted(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    if !call.shell.system.draws {
        return Err(Fault::gap(
            "makes a secret or an id, which must be each machine's own: no first boot is known for this package",
        ));
    }
    later::leave_to_first_boot(call).map(drop)
}

pub(in crate::configure) fn prints(call: &mut Call<'_, '_>, text: &str) -> Done {
    permitted(call)?;
    call.out(text).map(|()| 0)
}

/// Puts a stand-in at a path, as whoever runs.
pub(in crate::configure) fn leave(call: &mut Call<'_, '_>, path: &[u8], mode: u32) -> Done {
    let place = call.resolve(path, true)?;
    let mut inode = Inode::file(mode, format!("{STAND_IN}\n"));
    if let Some(there) = call.tree().get(&place) {
        inode.stat = there.stat.clone();
        call.shell.system.make_room(&place)?;
        call.tree().insert(place, inode)?;
        return Ok(0);
    }
    call.create(&place, inode).map(|()| 0)
}

/// `openssl VERB …`: what it writes is a stand-in, wherever it would have gone.
pub(super) fn openssl(call: &mut Call<'_, '_>, verb: &[u8]) -> Done {
    let made = [b"dhparam".as_slice(), b"ec", b"ecparam", b"genpkey", b"genrsa", b"rand", b"req", b"x509"];
    if !made.contains(&verb) {
        return Err(Fault::gap(show(verb)));
    }
    permitted(call)?;
    let mut places = Vec::new();
    for pair in call.args.windows(2) {
        if let [option, value] = pair
            && (option == b"-out" || option == b"-keyout")
        {
            places.push(value.clone());
        }
    }
    if places.is_empty() {
        return call.out(format!("{STAND_IN}\n")).map(|()| 0);
    }
    places.iter().try_for_each(|place| leave(call, place, 0o600).map(drop))?;
    Ok(0)
}
