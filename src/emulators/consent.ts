/** A page of a host's login, as plain as can be. */
export function loginPage(title: string, text: string, html = ''): string {
  return `<!doctype html><title>${title}</title><h1>${title}</h1><p>${escaped(text)}</p>${html}`;
}

interface Choice {
  title: string;
  emails: Iterable<string>;
  query: Record<string, string | undefined>;
  /** What a person does when there is no account. */
  none: string;
}

/** Lets a person choose an account: each link is the same request with that account as `login_hint`. */
export function accountChooser({ title, emails, query, none }: Choice): string {
  const links = [...emails].map((email) => {
    const chosen = new URLSearchParams({ ...(query as Record<string, string>), login_hint: email });
    return `<li><a href="?${escaped(chosen.toString())}">${escaped(email)}</a></li>`;
  });
  return loginPage(title, links.length > 0 ? '' : none, `<ul>${links.join('')}</ul>`);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
