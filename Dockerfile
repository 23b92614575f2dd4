# One image for the API, the worker, the migration and the emulators; the command says which.
# Debian, because Temporal's SDK has no build for musl.
FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV npm_config_update_notifier=false

FROM base AS generated
COPY package.json package-lock.json .npmrc ./
RUN npm ci --loglevel=error --include=dev
COPY scripts ./scripts
COPY prisma ./prisma
COPY prisma.config.ts tsconfig.json ./
RUN node scripts/run.js install

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
# The Node binaries among the optional packages are for machines without one; this image has its own.
RUN npm ci --loglevel=error --omit=dev --omit=peer && rm -rf node_modules/node-linux-* node_modules/.cache

FROM base
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production HOLDFAST_API_HOST=0.0.0.0 HOLDFAST_API_PORT=8400
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json tsconfig.json ./
COPY prisma ./prisma
COPY scripts/migrate.ts ./scripts/migrate.ts
COPY temporal ./temporal
COPY src ./src
COPY --from=generated /app/src/store/generated ./src/store/generated
USER node
EXPOSE 8400
ENTRYPOINT ["tini", "--"]
CMD ["node", "src/server.ts"]
