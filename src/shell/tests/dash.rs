//! What dash does where POSIX leaves it open, or where it has its own way.

use super::run;

fn says(cases: &[(&str, &str)]) {
    for (script, output) in cases {
        let (found, _, gaps) = run(&format!("exec 2>/dev/null\n{script}"));
        assert_eq!((found.as_str(), gaps.as_slice()), (*output, &[][..]), "{script}");
    }
}

#[test]
fn words_of_test() {
    let status = |expression: &str, status: &str| (format!("test {expression}; echo $?"), format!("{status}\n"));
    for (expression, wanted) in [
        ("-a -a", "1"),
        ("-a -a -a -a", "1"),
        ("-z -a ]", "2"),
        ("-z -a -a", "1"),
        ("'(' = ')'", "1"),
        ("0 -eq 0 -a '(' = ')'", "0"),
        ("! -n", "1"),
        ("! ! x", "0"),
        ("'(' x ')' -a y", "0"),
        ("'(' x", "2"),
        ("-f = -f", "0"),
        ("x -o -n", "0"),
        ("x = ", "2"),
        ("a == a", "2"),
        ("'('", "0"),
        ("", "1"),
    ] {
        let (script, output) = status(expression, wanted);
        says(&[(&script, &output)]);
    }
    let deep = format!("test {} x {}; echo", "'(' ".repeat(90), "')' ".repeat(90));
    assert_eq!(run(&deep).2.len(), 1);
}

#[test]
fn masks() {
    for (before, mask, after) in [
        ("022", "u+", "0022"),
        ("022", "=", "0777"),
        ("022", "7777", "0777"),
        ("022", "ua=r,", "0333"),
        ("124", "a=X", "0666"),
        ("133", "a+X", "0133"),
        ("124", "a=s", "0777"),
        ("124", "a=,a=u", "0111"),
        ("027", "u=g,g=u", "0207"),
        ("022", "o=rwx,g-w+x", "0020"),
        ("124", "a+x+wr-r", "0444"),
        ("022", "''", "0022"),
    ] {
        says(&[(&format!("umask {before}; umask {mask}; echo $?; umask"), &format!("0\n{after}\n"))]);
    }
    for wrong in ["' '", "b=rwx", "-rwx", "u+r,,u-r", "089", "-p", "a-t", "u", "22x", ",u=r"] {
        says(&[(&format!("umask 022; umask {wrong}; echo $?; umask"), "2\n0022\n")]);
    }
}

#[test]
fn builtins_with_wrong_arguments() {
    says(&[
        (
            "wait -n; echo $?; wait %x; echo $?; wait 12345678; echo $?; wait zzz; echo $?; wait; echo $?",
            "2\n2\n127\n2\n0\n",
        ),
        ("set -- -c foo -h; getopts hc: opt-; echo $? $OPTIND", "2 3\n"),
        ("(OPTIND=-1; echo no); echo $?; (OPTIND=0; echo ok)", "2\nok\n"),
        ("kill -l 0; echo $?; kill -l 1 129; kill -s SIGTERM $$; echo $?", "2\nHUP\n2\n"),
        ("(trap -p INT; echo no); echo $?; trap - SIGINT; echo $?; trap : int; trap", "2\n1\ntrap -- ':' INT\n"),
        ("ulimit 1 2; echo $?; ulimit -a 42; echo $?; ulimit -Z; echo $?; ulimit -n x; echo $?", "2\n2\n2\n2\n"),
        ("hash -r nosuch; echo $?; hash nosuch -r; echo $?", "0\n1\n"),
        ("(exit 2147483648; echo no); echo $?; f() { return 99999999999; }; (f; echo no); echo $?", "2\n2\n"),
    ]);
}

#[test]
fn statuses_of_processes_have_eight_bits() {
    says(&[("f() { return 300; }; f; echo $?; (f); echo $?; x=$(f); echo $?; f | f; echo $?", "300\n44\n44\n44\n")]);
}

#[test]
fn set_with_a_single_sign() {
    says(&[
        ("set a b; set - c d; echo \"$@\"; set -x - -v; echo \"$@\"; set +; echo \"$@\"", "c d\n-v\n-v\n"),
        ("set + -u x; echo \"$@ $-\"; set -; echo \"$@\"; set - +; echo \"$@\"", "x u\nx\n+\n"),
    ]);
}

#[test]
fn where_a_shell_is() {
    says(&[
        ("cd nonex/..; echo $?; cd -P nonex/..; echo $?", "0\n2\n"),
        ("mkdir d; ln -s d l; cd l; sh -c pwd; unset PWD; sh -c pwd", "/l\n/d\n"),
        ("mkdir d; echo echo hi >d/c; PATH=d:$PATH; . c; . ./d; echo $?", "hi\n0\n"),
    ]);
}

#[test]
fn programs_by_path() {
    says(&[
        ("touch f; command -v ./f; type ./f ./none; echo $?", "./f\n./f is ./f\n./none: not found\n127\n"),
        (
            "mkdir p; echo 'echo mine' >p/tr; chmod +x p/tr; PATH=p:$PATH; echo a | tr a b; echo a | command -p tr a b",
            "mine\nb\n",
        ),
        ("p=v exec sh -c 'echo $p'", "v\n"),
        ("a=b exec; sh -c 'echo $a'", "\n"),
    ]);
}

#[test]
fn declarations_behind_command() {
    says(&[
        (
            "x='a b'; command readonly c=$x; echo $c; command -p export d=$x; echo $d; z=export; $z e=$x; echo $e",
            "a b\na b\na b\n",
        ),
        ("x='a b'; command -- export c=$x; echo $c; command command export d=$x; echo $d", "a b\na b\n"),
    ]);
    assert_eq!(run("f() { command local x=1; }; f").2.len(), 1);
}

#[test]
fn names_that_begin_with_a_dot() {
    says(&[
        (
            "cd tmp; echo .*; touch .h; echo .*; echo ./.*; echo .?; echo [.]*; echo .[.]*",
            ". ..\n. .. .h\n./. ./.. ./.h\n.. .h\n[.]*\n..\n",
        ),
        ("mkdir d; echo d/.* .h*", "d/. d/.. .h*\n"),
    ]);
}

#[test]
fn tildes_in_assignments() {
    says(&[
        ("HOME=/h; x=~:${u-~:~}; echo $x ${u-~:~} ${u-~/a:~}; x=\"${u-~}\"; echo $x", "/h:/h:/h ~:~ /h/a:~\n~\n"),
        (
            "HOME=/h; a=b; x=$a:~; echo $x; x=$a~; echo $x; x=\"a:\"~; echo $x; x=a:\"b\":~; echo $x",
            "b:/h\nb~\na:~\na:b:/h\n",
        ),
        ("HOME=/h; export y=${u:-a:~}; echo $y; x=${u:-${v:-a:~}}; echo $x", "a:/h\na:/h\n"),
    ]);
}

#[test]
fn parameters_are_always_set_and_null_as_one_text() {
    let each = "echo \"[${@-m}][${@+p}][${@:-m}][${@:+p}][${*-m}][${*+p}][${*:-m}][${*:+p}]\"";
    says(&[
        (&format!("set --; {each}"), "[][p][m][][][p][m][]\n"),
        (&format!("set -- ''; {each}"), "[][p][m][][][p][m][]\n"),
        (&format!("set -- '' ''; {each}"), "[ ][p][ ][p][ ][p][ ][p]\n"),
        (&format!("IFS=; set -- a ''; {each}"), "[a ][p][a ][p][a][p][a][p]\n"),
    ]);
    assert_eq!(run("IFS=; set -- '' ''; echo \"${*:-m}\"").2.len(), 1);
}

#[test]
fn a_last_parameter_that_is_empty() {
    let each = "printf '<%s>'";
    says(&[
        (&format!("set -- a ''; {each} \"$@\"$e x; {each} \"$@\" x; {each} \"$@\"\"$e\" x"), "<a><x><a><><x><a><><x>"),
        (&format!("set -- '' ''; {each} \"$@\"$e$(true) x; set -- ''; {each} \"$@\"$e x"), "<><x><x>"),
        (
            &format!("set -- a ''; e=' '; {each} \"$@\"$e x; e=; {each} $e\"$@\" x; {each} \"$e\"$e x"),
            "<a><><x><a><><x><><x>",
        ),
    ]);
}

#[test]
fn the_smallest_number() {
    says(&[
        ("x=$((~9223372036854775807)); echo $((x += 7)) $((x))", "-9223372036854775801 -9223372036854775801\n"),
        (
            "x=-9223372036854775808; echo $((x)) $(($x)); echo $((99999999999999999999)); x=99999999999999999999; echo $((x))",
            "-9223372036854775808 -9223372036854775807\n9223372036854775807\n",
        ),
    ]);
}

#[test]
fn errors_in_builtins_that_are_not_special() {
    says(&[
        ("readonly c; set -- -a b; getopts a c; echo $?; echo x | { read c; echo $?; }", "2\n2\n"),
        ("readonly c; (unset c; echo no); echo $?; command unset c; echo $?", "2\n2\n"),
    ]);
}

#[test]
fn aliases_that_go_on() {
    for script in ["alias e='echo '", "alias e='echo\\'", "alias 'e=a\nb'"] {
        assert_eq!(run(&script.replace("\\n", "\n")).2.len(), 1, "{script}");
    }
}

#[test]
fn two_slashes_stay() {
    says(&[("mkdir d; cd //d; pwd; cd ..; pwd; cd ///d; pwd", "//d\n//\n/d\n")]);
}

#[test]
fn here_documents_around_substitutions() {
    says(&[("cat <<X && echo \"$(cat <<Y\nin\nY\necho more)\"\nout\nX", "out\nin\nmore\n")]);
    assert_eq!(run("cat <<X && echo $(cat <<Y)\nout\nX\nin\nY").2.len(), 1);
}

#[test]
fn words_of_no_parameters() {
    says(&[("set --; printf '<%s>' \"${@:-}\" \"${@:+}\" \"$@\" \"${@#x}\" x", "<><><><x>")]);
}

#[test]
fn a_descriptor_is_made_what_it_is() {
    says(&[(": 3>&3; echo a; (: 4>&5; echo no); echo $?", "a\n2\n")]);
}
