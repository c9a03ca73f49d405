// Joins the names of CSS classes; what is false, null or '' is left out.
export function classes(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}
