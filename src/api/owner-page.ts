import type { Answer } from './route.ts';

/**
 * What the owner of a calendar reads after a consent page. It holds no value from the request, since
 * anybody can make one.
 */
export const OWNER_PAGES = {
  connected: 'The calendar account is connected. You can close this page.',
  incomplete: 'The address is not complete. Go back to where you started and try again.',
  unknown: 'This authorization was not begun here, or long ago. Start again.',
  used: 'This page was opened before, and an authorization serves once. If the account is not connected, start again.',
  late: 'This took longer than ten minutes. Start again.',
  refused: 'Access was not granted. Nothing was changed; start again if that was a mistake.',
  unavailable:
    'The calendar service does not answer just now. Nothing was changed; start again later.',
  unconfirmed: 'The calendar service did not confirm the authorization. Start again.',
  'not-lasting':
    'The calendar service granted no lasting access. Remove our access in the settings of your account there, then start again.',
  'other-account':
    'That is another account than before. Nothing was changed; start again and choose the one you connected first.',
  missing: 'The account no longer exists here. Start again.',
} as const;
export type OwnerPage = keyof typeof OWNER_PAGES;

/** `withheld` names what the owner did not allow, in words of our own. */
export function ownerPage(kind: OwnerPage, withheld: readonly string[] = []): Answer {
  const good = kind === 'connected';
  const title = good ? 'Connected' : 'Not connected';
  const asked =
    withheld.length === 0
      ? ''
      : `<p>We were not allowed:</p><ul>${withheld.map((one) => `<li>${one}</li>`).join('')}</ul>
<p>Without it nothing can be kept in step. Nothing was stored. Start again and leave every box ticked.</p>`;
  return {
    status: good ? 200 : 400,
    headers: {
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'referrer-policy': 'no-referrer',
    },
    text: {
      type: 'text/html; charset=utf-8',
      content: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:1.1rem/1.5 system-ui;margin:20vh auto;max-width:30rem;padding:0 1rem}</style>
<h1>${title}</h1>${asked === '' ? `<p>${OWNER_PAGES[kind]}</p>` : asked}</html>`,
    },
  };
}
