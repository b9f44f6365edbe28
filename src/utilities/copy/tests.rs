use super::super::recorded::lacks;
use super::super::recorded::says;

#[test]
fn a_directory_that_is_named_twice_is_copied_once() {
    says(&[("mkdir d e; echo a >d/f; cp -R d d// e; echo $?; cat e/d/f; cp -R d e; echo $?", "0\na\n0\n", 0)]);
}

#[test]
fn hard_links_come_in_the_place_of_files_by_force() {
    says(&[
        (
            "echo a >a; ln -s no n; cp -l a n; echo $?; cp -lf a n; echo $?; stat -c '%F %h' n",
            "1\n0\nregular file 2\n",
            0,
        ),
        ("echo a >a; echo b >n; cp -l a n; cp -l --remove-destination a n; cat n", "a\n", 0),
        ("ln -s x s; echo b >n; cp -lP s n; readlink n", "x\n", 0),
        ("echo a >a; echo b >b; ln -s b n; cp -lf a n; cat n b; cp -lf a n; stat -c %h a", "a\nb\n2\n", 0),
    ]);
}

#[test]
fn a_link_is_not_replaced_by_what_it_leads_to() {
    says(&[
        (
            "echo b >b; mkdir d; ln -s ../b d/up; cp -b d/up d//; echo $?; ls d; cp -bf d//up d/up; echo $?",
            "1\nup\n1\n",
            0,
        ),
        ("echo b >b; mkdir d; ln -s ../b d/up; cp -bf d/up d/up; echo $?; ls d", "0\nup\nup~\n", 0),
        ("echo b >b; cp -bf b ./b; echo $?; ls", "1\nb\netc\ntmp\nusr\n", 0),
    ]);
    lacks(&[
        ("echo b >b; cp -bf b b", "that is copied over itself"),
        ("echo b >b; ln -s b l; cp --remove-destination ./l l", "removes the link"),
    ]);
}

#[test]
fn a_link_is_not_moved_onto_what_it_leads_to() {
    says(&[
        ("echo b >b; mkdir d; ln -s ../b d/up; mv d/up b; echo $?; cat b; ls d", "1\nb\nup\n", 0),
        ("echo b >b; ln -s c l; mv l b; echo $?; readlink b", "0\nc\n", 0),
        ("echo b >b; install -C -p b c; echo $?; test -e c; echo $?", "1\n1\n", 0),
    ]);
    lacks(&[
        ("echo b >b; ln b h; ln -s b l; mv l b", "onto what it leads to"),
        ("mkdir d; echo x >d/x; mv -T -b d d/x", "moved into itself"),
    ]);
}

#[test]
fn what_is_preserved_is_said_in_order() {
    says(&[(
        "echo x > x; chmod 700 x; cp -p --no-preserve=mode x a; cp --no-preserve=mode -p x b; stat -c %a a b",
        "644\n700\n",
        0,
    )]);
}

#[test]
fn special_bits_are_those_of_the_release() {
    for (version, mode) in [("9.1-1", "2755"), ("9.7-3", "755")] {
        let status = format!(
            "mkdir -p /var/lib/dpkg; printf 'Package: coreutils\\nVersion: {version}\\n' >/var/lib/dpkg/status"
        );
        let script = format!("{status}; mkdir d s; chmod 2755 s; cp -a d s; cp -r d s/e; stat -c %a s/d s/e");
        says(&[(&script, &format!("{mode}\n2755\n"), 0)]);
    }
    lacks(&[("mkdir d s; chmod 2755 s; cp -a d s", "no coreutils")]);
}

#[test]
fn a_link_is_the_file_that_it_leads_to() {
    says(&[
        ("echo a >a; ln a h; ln -s a l; cp -d l h; echo $?; cp -d l a; echo $?; cat h", "1\n1\na\n", 0),
        ("echo a >a; cp -l a a; cp -Rl a .; echo $?", "0\n", 0),
    ]);
    lacks(&[("mkdir d e; cp -r d/.. e", "`..`"), ("mkdir d; ln -s d l; : >d/x; mv -b l/x d/x", "over itself")]);
}

#[test]
fn one_name_is_copied_once() {
    says(&[(
        "echo a > a; mkdir d; cp a a d; echo $?; ln -s a l; cp -d l l d; echo $?; cp -b a a d; echo $?; ls d",
        "0\n0\n1\na\na~\nl\n",
        0,
    )]);
}
