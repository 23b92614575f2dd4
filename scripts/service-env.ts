/** What `npm start` tells the worker, the API and the demo. The settings are those of `src/config.ts`. */

export interface ServicePlaces {
  databaseUrl: string;
  temporalAddress: string;
  temporalNamespace: string;
  keyring: string;
  apiPort: number;
  apiUrl: string;
  workerPort: number;
  emulatorsUrl: string;
}

/**
 * The person's own settings win over every default here. With a Google client of their own, Google
 * is the real one, and so with Microsoft; everything else that is outside stays emulated. CalDAV
 * servers and feeds are where their accounts say.
 */
export function serviceEnv(places: ServicePlaces, own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    HOLDFAST_ENV: 'development',
    HOLDFAST_KEYRING: places.keyring,
    HOLDFAST_API_PORT: String(places.apiPort),
    HOLDFAST_PUBLIC_URL: places.apiUrl,
    HOLDFAST_WORKER_PORT: String(places.workerPort),
    HOLDFAST_OUTBOUND_ALLOW: new URL(places.emulatorsUrl).host,
    ...(own['HOLDFAST_STRIPE_API_URL'] ? {} : emulatedStripe(places.emulatorsUrl)),
    ...(own['HOLDFAST_GOOGLE_CLIENT_ID'] ? {} : emulatedGoogle(places.emulatorsUrl)),
    ...(own['HOLDFAST_MICROSOFT_CLIENT_ID'] ? {} : emulatedMicrosoft(places.emulatorsUrl)),
    ...own,
    DATABASE_URL: places.databaseUrl,
    // Whoever serves has no business migrating.
    DATABASE_OWNER_URL: undefined,
    TEMPORAL_ADDRESS: places.temporalAddress,
    TEMPORAL_NAMESPACE: places.temporalNamespace,
    EMULATORS_URL: places.emulatorsUrl,
  };
}

const emulatedStripe = (url: string): NodeJS.ProcessEnv => ({
  HOLDFAST_STRIPE_API_URL: url,
  HOLDFAST_STRIPE_JS_URL: `${url}/v3/stripe.js`,
});

function emulatedGoogle(url: string): NodeJS.ProcessEnv {
  return {
    HOLDFAST_GOOGLE_API_URL: url,
    HOLDFAST_GOOGLE_AUTH_URL: `${url}/o/oauth2/v2/auth`,
    HOLDFAST_GOOGLE_TOKEN_URL: `${url}/token`,
    HOLDFAST_GOOGLE_CLIENT_ID: 'emulated-client',
    HOLDFAST_GOOGLE_CLIENT_SECRET: 'emulated-secret',
  };
}

function emulatedMicrosoft(url: string): NodeJS.ProcessEnv {
  return {
    HOLDFAST_MICROSOFT_API_URL: url,
    HOLDFAST_MICROSOFT_AUTH_URL: `${url}/microsoft/common/oauth2/v2.0/authorize`,
    HOLDFAST_MICROSOFT_TOKEN_URL: `${url}/microsoft/common/oauth2/v2.0/token`,
    HOLDFAST_MICROSOFT_CLIENT_ID: 'emulated-client',
    HOLDFAST_MICROSOFT_CLIENT_SECRET: 'emulated-secret',
  };
}
