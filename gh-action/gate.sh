# Makes an environment of its own and runs the gate in it. Nothing of the checkout is executed or
# imported: this runs in the runner's temporary folder, with Python's own isolation.
set -euo pipefail
cd "$RUNNER_TEMP"

action="$(cd "$GITHUB_ACTION_PATH" && pwd -P)"
engine="$(dirname "$action")"
place="$(mktemp -d "$RUNNER_TEMP/policyengine-gate.XXXXXX")"
python="$place/venv/bin/python"
lock="$engine/requirements/core.txt"

if ! python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "::error title=policyengine gate::Python 3.11 or later is needed; add actions/setup-python"
  exit 1
fi

# Only wheels whose hashes are locked: no package runs a build script here.
python3 -I -m venv --without-pip "$place/venv"
if command -v uv > /dev/null; then
  uv pip install --quiet --no-config --python "$python" \
    --require-hashes --only-binary :all: --requirement "$lock"
else
  python3 -I -m pip --python "$python" install --quiet --disable-pip-version-check --no-input \
    --require-hashes --only-binary :all: --requirement "$lock"
fi
# The engine itself is the code beside this action, of the commit that the workflow names.
packages="$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
printf '%s\n' "$engine" "$engine/ci" > "$packages/policyengine.pth"

export GATE_PLACE="$place"
exec "$python" -I -B "$action/run.py"
