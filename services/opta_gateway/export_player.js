'use strict';
// Plays an exported session back: shows and hides the parts of this document at the times at which they came. It reads numbers and
// the document itself, loads nothing and sends nothing. Without it, the document is the whole session.
(() => {
  const PAUSE_MS_MAX = 2000;
  const FRAME_MS_MAX = 2000;
  const STEP_MS = 5000;
  const NEAR_END_PX = 160;
  const SPEEDS = [1, 2, 5, 10, 20];
  const { start, pauses, turns } = JSON.parse(document.getElementById('times').textContent);
  const find = (id) => document.getElementById(id);
  const player = find('player');

  // When each event is due, with long pauses shortened, and when it truly was.
  const due = [];
  const times = [];
  let shortened = 0;
  for (const pause of pauses) {
    due.push((due.length ? due[due.length - 1] : 0) + Math.min(pause, PAUSE_MS_MAX));
    times.push((times.length ? times[times.length - 1] : start) + pause);
    if (pause > PAUSE_MS_MAX) shortened += 1;
  }
  const count = due.length;
  const duration = count ? due[count - 1] : 0;

  // The parts of the document, and which of them each event changes.
  const touches = Array.from({ length: count + 1 }, () => []);
  const parts = [...document.querySelectorAll('[data-from]')].map((element) => {
    const from = Number(element.dataset.from);
    const until = Number(element.dataset.until ?? Infinity);
    const grows = (element.dataset.grow ?? '').split(',').filter(Boolean).map((each) => each.split(' ').map(Number));
    const part = { element, from, until, grows, wasHidden: element.hidden, texts: null };
    for (const number of [from, until, ...grows.map(([event]) => event)]) touches[number]?.push(part);
    return part;
  });

  let at = count;
  let played = duration;
  let speed = 1;
  let isPlaying = false;
  let isOpen = false;
  let lastFrame = 0;

  // How many events are due at a time.
  function countAt(time) {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (due[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function draw(part) {
    const { element, from, until, grows } = part;
    element.hidden = !(from <= at && at < until);
    if (!grows.length || element.hidden) return;
    const whole = Math.max(1, grows[grows.length - 1][1]);
    let chars = 0;
    for (const [event, after] of grows) {
      if (event > at) break;
      chars = after;
    }
    cut(part, Math.min(1, chars / whole));
  }

  // Show a share of the words of a part. Masks and markup change their number, so it is a share and not a length.
  function cut(part, share) {
    if (!part.texts) {
      if (share === 1) return;
      part.texts = [];
      const walker = document.createTreeWalker(part.element, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) part.texts.push({ node, words: node.data });
    }
    let left = Math.round(share * part.texts.reduce((sum, { words }) => sum + words.length, 0));
    for (const { node, words } of part.texts) {
      const shown = words.slice(0, Math.max(0, left));
      if (node.data !== shown) node.data = shown;
      left -= words.length;
    }
    for (const child of part.element.children) child.hidden = share < 1 && child.textContent.trim() === '';
  }

  // Show the first `wanted` events.
  function show(wanted) {
    const next = Math.max(0, Math.min(count, wanted));
    const isNearEnd = document.documentElement.scrollHeight - scrollY - innerHeight < NEAR_END_PX;
    const changed = new Set();
    for (let event = Math.min(at, next) + 1; event <= Math.max(at, next); event += 1) for (const part of touches[event]) changed.add(part);
    at = next;
    for (const part of changed) draw(part);
    if (isOpen && (isNearEnd || changed.size > 20)) scrollTo(0, document.documentElement.scrollHeight);
    tell();
  }

  function turnAt() {
    let found = -1;
    while (found + 1 < turns.length && turns[found + 1] <= at) found += 1;
    return found;
  }

  function clockAt(time) {
    const before = Math.max(0, countAt(time) - 1);
    const gap = due[before + 1] - due[before];
    return gap > 0 ? times[before] + ((times[before + 1] - times[before]) * (time - due[before])) / gap : times[before];
  }

  function tell() {
    const turn = turnAt() + 1;
    const pause = pauses[at] > PAUSE_MS_MAX && isPlaying ? `a pause of ${span(pauses[at])} is shortened` : shortened ? `${shortened} long ${shortened === 1 ? 'pause is' : 'pauses are'} shortened` : '';
    const where = turn ? `Turn ${turn} of ${turns.length}` : 'Before the first turn';
    const time = new Date(clockAt(played)).toLocaleString();
    find('where').textContent = [where, `event ${at} of ${count}`, time, pause].filter(Boolean).join(' · ');
    find('line').value = String(Math.round(played));
    find('line').setAttribute('aria-valuetext', `${where}, ${time}`);
    find('play').textContent = isPlaying ? 'Pause' : isOpen && at >= count ? 'Play again' : 'Play';
  }

  function span(ms) {
    const seconds = Math.round(ms / 1000);
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  function open() {
    if (isOpen) return;
    isOpen = true;
    document.body.classList.add('playing');
    find('whole').hidden = false;
  }

  // The whole session again.
  function leave() {
    isPlaying = isOpen = false;
    at = count;
    played = duration;
    for (const part of parts) {
      if (part.texts) cut(part, 1);
      part.element.hidden = part.wasHidden;
    }
    document.body.classList.remove('playing');
    find('whole').hidden = true;
    tell();
  }

  function seek(wanted) {
    open();
    const next = Math.max(0, Math.min(count, wanted));
    played = next ? due[next - 1] : 0;
    show(next);
  }

  function seekTo(time) {
    open();
    played = Math.max(0, Math.min(duration, time));
    show(countAt(played));
  }

  function step(by) {
    isPlaying = false;
    seek(at + by);
  }

  function turn(by) {
    const now = turnAt();
    const isBegun = now >= 0 && at > turns[now];
    const next = turns[by > 0 ? now + 1 : isBegun ? now : now - 1];
    seek(next ?? (by > 0 ? count : 0));
  }

  function toggle() {
    if (!isPlaying && at >= count) seek(0);
    isPlaying = !isPlaying;
    lastFrame = performance.now();
    if (isPlaying) requestAnimationFrame(tick);
    tell();
  }

  function tick(now) {
    if (!isPlaying) return;
    played = Math.min(duration, played + Math.min(Math.max(0, now - lastFrame), FRAME_MS_MAX) * speed);
    lastFrame = now;
    if (played >= duration) isPlaying = false;
    show(Math.max(at, countAt(played)));
    requestAnimationFrame(tick);
  }

  function setSpeed(wanted) {
    speed = wanted;
    find('speed').value = String(wanted);
  }

  const keys = {
    k: toggle,
    ',': () => step(-1),
    '.': () => step(1),
    '[': () => turn(-1),
    ']': () => turn(1),
    '<': () => setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(speed) - 1)]),
    '>': () => setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(speed) + 1)]),
    Escape: leave,
  };
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === 'SELECT') return;
    const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
  find('line').addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS }[event.key];
    if (!by) return;
    event.preventDefault();
    seekTo(played + by);
  });
  find('line').addEventListener('input', () => seekTo(Number(find('line').value)));
  find('speed').addEventListener('change', () => setSpeed(Number(find('speed').value)));
  find('play').addEventListener('click', toggle);
  find('whole').addEventListener('click', leave);
  find('before').addEventListener('click', () => turn(-1));
  find('back').addEventListener('click', () => step(-1));
  find('on').addEventListener('click', () => step(1));
  find('after').addEventListener('click', () => turn(1));
  find('line').max = String(Math.max(1, Math.ceil(duration)));
  player.hidden = false;
  tell();
})();
