/** The import law: who may know whom. See ARCHITECTURE.md. `allowed` lists everything that is lawful. */
const from = (path, to, extra = {}) => ({ from: { path }, to: { path: to, ...extra } });
const NODE =
  '^(node:)?(assert|async_hooks|buffer|child_process|crypto|dns|events|fs|http|https|net|os|path|perf_hooks|process|querystring|readline|stream|string_decoder|timers|tls|url|util|v8|vm|zlib)(/|$)';
const npm = (...names) => `node_modules/(${names.join('|')})(/|$)`;
const PORTS = '^src/(channels/channel-provider|payments/payment-provider|commands)\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'only-server-knows-temporal',
      comment: 'src/ survives replacing Temporal.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/server\\.ts$' },
      to: { path: '^temporal/|node_modules/@temporalio/' },
    },
    {
      name: 'no-other-implementation',
      severity: 'error',
      from: { path: '^src/(channels|payments)/([^/]+)/' },
      to: { path: '^src/(channels|payments)/[^/]+/', pathNot: '^src/$1/$2/' },
    },
  ],
  allowed: [
    from('^src/domain/', '^src/domain/'),
    from('^src/calendar/', `^src/(calendar|domain)/|${npm('ical.js', 'temporal-polyfill')}`),
    from(PORTS, '^src/domain/'),
    from(
      '^src/channels/(google|microsoft|caldav|ical)/',
      `^src/(channels/channel-provider\\.ts|domain/|calendar/|outbound/)|${NODE}`,
    ),
    from('^src/channels/oauth\\.ts$', '^src/(channels/channel-provider\\.ts|domain/|outbound/)'),
    from('^src/channels/(google|microsoft)/', '^src/channels/oauth\\.ts$'),
    from(
      '^src/channels/google/',
      `^src/channels/google/|${npm('googleapis', 'googleapis-common', 'google-auth-library', 'gaxios')}`,
    ),
    from('^src/channels/caldav/', `^src/channels/caldav/|${npm('tsdav')}`),
    from('^src/channels/ical/', '^src/channels/ical/'),
    from('^src/channels/microsoft/', '^src/channels/microsoft/'),
    from('^src/channels/registry\\.ts$', '^src/(channels/|domain/|outbound/|config\\.ts$)'),
    from('^src/channels/credentials\\.ts$', '^src/(channels/channel-provider\\.ts|domain/)'),
    from('^src/payments/stripe', `^src/(payments/|domain/)|${npm('stripe')}|${NODE}`),
    from('^src/outbound/', `^src/(outbound|domain)/|${npm('undici', 'ipaddr\\.js')}|${NODE}`),
    from(
      '^src/(config|config-limits|vault|log)\\.ts$',
      `^src/(vault\\.ts|config-limits\\.ts|domain/)|${npm('zod')}|${NODE}`,
    ),
    from('^src/tell-all\\.ts$', '^src/(commands|log)\\.ts$'),
    from('^src/access\\.ts$', '^src/(channels/|domain/|store/|vault\\.ts$)'),
    from('^src/permit\\.ts$', `^src/(channels/channel-provider\\.ts$|domain/|store/)|${NODE}`),
    from('^src/call-channel\\.ts$', '^src/(access|permit)\\.ts$|^src/(channels|domain)/'),
    from(
      '^src/store/',
      `^src/(store/|domain/|commands\\.ts$|payments/payment-provider\\.ts$|channels/channel-provider\\.ts$|vault\\.ts$)|${npm('pg', '@prisma/client', '@prisma/adapter-pg', '@prisma/client-runtime-utils')}|${NODE}`,
    ),
    from(
      '^src/api/',
      `^src/(api/|domain/|store/|vault\\.ts$|log\\.ts$|webhooks/)|${PORTS.slice(0, -1)}|${npm('express', 'zod', 'prom-client')}|${NODE}`,
    ),
    from('^src/emulators/', `^src/emulators/|${npm('express')}|${NODE}`),
    from('^src/server\\.ts$', ''),
    from(
      '^temporal/contracts/',
      `^temporal/contracts/|^src/(domain/|commands\\.ts$)|${npm('@temporalio/(common|workflow)')}`,
    ),
    from(
      '^temporal/workflows/',
      `^temporal/(workflows|contracts)/|^src/(domain/|commands\\.ts$)|${npm('@temporalio/(workflow|common)')}`,
    ),
    from(
      '^temporal/activities/',
      `^temporal/(activities|contracts)/|^src/(calendar|channels/registry|channels/channel-provider|payments/payment-provider|commands|access|call-channel|domain|store|vault|log|webhooks)|${npm('@temporalio/(activity|common)')}|${NODE}`,
    ),
    from(
      '^temporal/(client\\.ts$|commands/)',
      `^temporal/(contracts|commands)/|^src/(commands|client)\\.ts$|^src/domain/|${npm('@temporalio/(client|common)')}|${NODE}`,
    ),
    from('^temporal/holdfast-client', `^temporal/holdfast-client|${NODE}`),
    from(
      '^temporal/holdfast-client/types\\.ts$',
      `^temporal/contracts/|^src/api/(schemas/|problem\\.ts$)|${npm('zod', '@temporalio/common')}`,
    ),
    from('^temporal/(worker|bundle|sweeper)\\.ts$', ''),
    from('^temporal/server/', ''),
    from('^(scripts|examples|test)/', ''),
  ],
  allowedSeverity: 'error',
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/store/generated/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
