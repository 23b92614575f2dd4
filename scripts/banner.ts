import type { Demo } from './demo-process.ts';

export interface BannerFacts {
  apiUrl: string;
  emulatorsUrl: string;
  /** The demo's page for guests. */
  shopUrl: string;
  temporalAddress: string;
  temporalNamespace: string;
  /** Nothing when Temporal runs elsewhere. */
  uiUrl: string | undefined;
  demo: Demo;
  seconds: number;
}

export function printBanner(facts: BannerFacts) {
  const { apiUrl, uiUrl, demo } = facts;
  const runs = `${uiUrl}/namespaces/${facts.temporalNamespace}/workflows`;
  const run = `${runs}/${encodeURIComponent(demo.connectionWorkflowId)}`;
  const lines = [
    '',
    `Holdfast is up (${facts.seconds.toFixed(0)} s).`,
    '',
    `  API          ${apiUrl}`,
    `  Docs         ${apiUrl}/docs`,
    `  Booking page ${facts.shopUrl}  (in a browser; test cards on it)`,
    ...(uiUrl
      ? [`  Temporal UI  ${runs}`, `  Demo's run   ${run}`]
      : [`  Temporal     ${facts.temporalAddress}`, `  Demo's run   ${demo.connectionWorkflowId}`]),
    `  Emulators    ${facts.emulatorsUrl}`,
    `  API key      ${demo.apiKey}  (demo, this machine only)`,
    '',
    ...demo.commands.map((command) => `  ${command}`),
    '',
    'State is kept in .holdfast/. Ctrl-C stops everything; npm start goes on from there.',
    '',
  ];
  console.log(lines.join('\n'));
}
