#!/bin/sh
# Makes ~/Applications/Opta.app: it starts `opta window` of this installation and opens opta:// links. `--remove` takes it away again.
# `--print FOLDER` writes the sources into a folder and stops, on any system.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd -P)
app=$HOME/Applications/Opta.app
say() { printf 'opta: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

opta=${OPTA_PROGRAM:-}
[ -n "$opta" ] || for candidate in "$here/opta" "$(command -v opta || true)"; do
  if [ -x "$candidate" ]; then opta=$candidate; break; fi
done

sources() { # sources FOLDER: the AppleScript program, and the keys that its Info.plist gets
  case $opta in *[\"\\]* | "") die "the program opta was not found, or its path contains a quote: set OPTA_PROGRAM to its path" ;; esac
  # A link comes as an event and goes on as one quoted argument, so no part of it is read by a shell.
  cat >"$1/opta.applescript" <<SCRIPT
property optaProgram : "$opta"
on run
	my showWindow("")
end run
on reopen
	my showWindow("")
end reopen
on open location theLink
	my showWindow(theLink)
end open location
on showWindow(theLink)
	set commandLine to quoted form of optaProgram & " window"
	if theLink is not "" then set commandLine to commandLine & " " & quoted form of theLink
	do shell script commandLine & " > /dev/null 2>&1 &"
end showWindow
SCRIPT
  cat >"$1/keys.plist" <<PLIST
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>CFBundleIdentifier</key><string>ai.opta.window</string>
	<key>CFBundleName</key><string>Opta</string>
	<key>CFBundleShortVersionString</key><string>$(sed -n 's/^VERSION = "\(.*\)"/\1/p' "$here/shared/opta_core/version.py")</string>
	<key>LSUIElement</key><true/>
	<key>CFBundleURLTypes</key>
	<array>
		<dict>
			<key>CFBundleURLName</key><string>Session of Opta</string>
			<key>CFBundleURLSchemes</key><array><string>opta</string></array>
		</dict>
	</array>
</dict>
</plist>
PLIST
}

case ${1-} in
--print)
  [ -d "${2-}" ] || die "usage: macos_app.sh --print FOLDER"
  sources "$2"
  exit 0
  ;;
--remove)
  [ -d "$app" ] || die "$app does not exist; nothing was removed"
  rm -rf "$app"
  say "removed $app"
  exit 0
  ;;
'') ;;
*) die "usage: macos_app.sh [--remove | --print FOLDER]" ;;
esac

[ "$(uname)" = Darwin ] || die "this makes an application for macOS. On Linux: opta window --install"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources "$work"
say "$app will start: $opta window"
mkdir -p "$HOME/Applications"
rm -rf "$work/Opta.app"
osacompile -o "$work/Opta.app" "$work/opta.applescript"
# The keys go into the Info.plist that osacompile wrote.
/usr/libexec/PlistBuddy -c "Delete :CFBundleIdentifier" "$work/Opta.app/Contents/Info.plist" 2>/dev/null || true
/usr/libexec/PlistBuddy -c "Delete :CFBundleName" "$work/Opta.app/Contents/Info.plist" 2>/dev/null || true
/usr/libexec/PlistBuddy -c "Merge $work/keys.plist" "$work/Opta.app/Contents/Info.plist"
icon=$here/desktop/opta_desktop/static/icon.svg
if [ -f "$icon" ] && command -v iconutil >/dev/null && qlmanage -t -s 1024 -o "$work" "$icon" >/dev/null 2>&1; then
  mkdir "$work/opta.iconset"
  for size in 16 32 128 256 512; do
    sips -z $size $size "$work/icon.svg.png" --out "$work/opta.iconset/icon_${size}x$size.png" >/dev/null
  done
  iconutil -c icns -o "$work/Opta.app/Contents/Resources/applet.icns" "$work/opta.iconset"
else
  say "the icon could not be drawn; the application has the one of AppleScript"
fi
rm -rf "$app"
mv "$work/Opta.app" "$app"
/System/Library/Frameworks/CoreServices.framework/Frameworks/LaunchServices.framework/Support/lsregister -f "$app" || say "opta:// links work after the application was started once"
say "written. Undo it: sh ops/packaging/macos_app.sh --remove"
