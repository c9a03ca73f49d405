// Whether every word of `text` is in `name`, whatever their order, case and accents.
export function fits(text: string, name: string): boolean {
  const plain = bare(name);
  return bare(text)
    .split(/\s+/)
    .every((word) => plain.includes(word));
}

function bare(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}
