#!/usr/bin/env bash
# Builds the parts of a Kubernetes cluster that the end-to-end tests run, from Go modules, once.
#
# Usage: e2e/tools/build.sh [--where] [PART…]      the default is every part
#   --where   only prints the folder that the programs are (or would be) in
#
# The programs go into a cache outside the checkout, keyed by the modules' sums, so that a change of
# version builds anew and nothing else does. PROBITY_E2E_CACHE names another place for the cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${PROBITY_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/probity/e2e}
key=$(cat "$here"/*/go.mod "$here"/*/go.sum "$here"/etcd/main.go "$here"/images/*/main.go | sha256sum | cut -c1-16)
bin=$cache/$key
all=(etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy helm coredns pause web)

if [ "${1:-}" = --where ]; then echo "$bin"; exit; fi
parts=("$@"); [ ${#parts[@]} -gt 0 ] || parts=("${all[@]}")
if ! command -v go >/dev/null; then
  echo "e2e: Go is not installed; the cluster's parts are built with it (Debian: apt-get install golang)" >&2; exit 3
fi
mkdir -p "$bin"
# One build at a time: two test runs that start together share the result instead of racing for it.
exec 9>"$bin/lock"; flock 9

pinned() { sed -n "s|^require $2 v||p" "$here/$1/go.mod"; } # MODULE DEPENDENCY: its version
kubernetes=$(pinned kube k8s.io/kubernetes)
minor=$(cut -d. -f2 <<<"$kubernetes")
version=k8s.io/component-base/version
for part in "${parts[@]}"; do
  # Each part: the module it is built in, its package there, and whether it may need the C library.
  flags='-s -w' cgo=1
  case $part in
    etcd) module=etcd package=. ;;
    kube-apiserver | kubectl | kube-controller-manager | kube-scheduler | kubelet | kube-proxy)
      module=kube package=k8s.io/kubernetes/cmd/$part
      flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor" ;;
    helm) module=helm package=helm.sh/helm/v3/cmd/helm
      flags="-s -w -X helm.sh/helm/v3/internal/version.version=v$(pinned helm helm.sh/helm/v3)"
      # What it takes a cluster to be when it has none to ask.
      for place in pkg/lint/rules pkg/chartutil; do
        flags+=" -X helm.sh/helm/v3/$place.k8sVersionMajor=1 -X helm.sh/helm/v3/$place.k8sVersionMinor=$minor"
      done ;;
    coredns) module=coredns package=github.com/coredns/coredns ;;
    pause | web) module=images package=./$part cgo=0 ;; # each is alone in its image
    *) echo "e2e: there is no part named $part (${all[*]})" >&2; exit 2 ;;
  esac
  if [ -x "$bin/$part" ]; then echo "e2e: $part is there"; continue; fi
  echo "e2e: building $part …"
  start=$SECONDS
  # Built beside its place and moved there, so that an interrupted build leaves no half a program.
  (cd "$here/$module" && CGO_ENABLED=$cgo GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice -n 10 \
    go build -trimpath -buildvcs=false -ldflags "$flags" -o "$bin/.$part.new" "$package")
  mv "$bin/.$part.new" "$bin/$part"
  echo "e2e: built $part in $((SECONDS - start)) s"
done
echo "e2e: programs are in $bin"
