# Makes a shortcut in the Start menu of Windows: it starts Opta in WSL2 and opens its page in an app window of Edge. -Remove takes it away again.
# Opta itself runs in WSL2 only; this script installs nothing there.
param(
  [string]$Distribution = "",
  [string]$Program = "opta",
  [switch]$Remove
)
$ErrorActionPreference = "Stop"
$folder = Join-Path $env:LOCALAPPDATA "Opta"
$script = Join-Path $folder "open.ps1"
$shortcut = Join-Path ([Environment]::GetFolderPath("Programs")) "Opta.lnk"

if ($Remove) {
  foreach ($file in @($shortcut, $script)) {
    if (Test-Path $file) { Remove-Item $file; Write-Output "Removed $file" }
  }
  exit 0
}
if ($Distribution -notmatch '^[A-Za-z0-9._-]*$') { throw "The name of a distribution has letters, digits, dots and dashes: wsl --list shows them." }
if ($Program -notmatch '^[A-Za-z0-9._/~-]+$') { throw "The program is a path within WSL2 without blanks, such as /home/me/opta/opta." }
if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) { throw "WSL2 is not installed. In a terminal of an administrator: wsl --install" }

$words = if ($Distribution) { "-d $Distribution -- " } else { "-- " }
$content = @"
# Written by windows_shortcut.ps1 of Opta. The address has a code that opens the page once, so it is neither printed nor kept.
`$ErrorActionPreference = "Stop"
wsl.exe $words$Program up --detach --no-open | Out-Null
`$address = (wsl.exe $words$Program open --no-open | Select-Object -Last 1).Trim()
if (`$address -notmatch '^http://127\.0\.0\.1:\d+/\?launch=[A-Za-z0-9_-]+`$') {
  Add-Type -AssemblyName System.Windows.Forms
  [System.Windows.Forms.MessageBox]::Show("Opta did not start in WSL2. In a terminal: wsl $words$Program doctor", "Opta") | Out-Null
  exit 1
}
Start-Process msedge.exe -ArgumentList "--app=`$address"
"@
Write-Output "${script}:"
Write-Output $content
Write-Output "${shortcut}: starts that script, without a console window"
New-Item -ItemType Directory -Force -Path $folder | Out-Null
Set-Content -Path $script -Value $content -Encoding UTF8
$shell = New-Object -ComObject WScript.Shell
$link = $shell.CreateShortcut($shortcut)
$link.TargetPath = "powershell.exe"
$link.Arguments = "-NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -File `"$script`""
$link.Description = "A coding agent on your machines"
$link.Save()
Write-Output "Written. Undo it: powershell -ExecutionPolicy Bypass -File ops\packaging\windows_shortcut.ps1 -Remove"
