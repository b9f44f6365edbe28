as() { runuser -u debian-spamd -- "$@"; }
        if command -v gpg >/dev/null && command -v gpg-agent >/dev/null; then
            as sa-update --gpghomedir /var/lib/spamassassin/sa-update-keys --import /usr/share/spamassassin/GPG.KEY
        fi
        rules=$(as mktemp --tmpdir tmp.XXXXXXXXXX.r000.tgz)
        (cd /usr/share/spamassassin && tar czf - ./*) | as tee "$rules" >/dev/null
        sha512sum "$rules" >"$rules.sha512"
        as sa-update --nogpg --install "$rules"
        rm -f "$rules" "$rules.sha512"