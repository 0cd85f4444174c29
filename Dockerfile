# syntax=docker/dockerfile:1
# The server. `docker build -t a2a-mcp-server .`; any Node.js image of Debian will do: --build-arg NODE_IMAGE=…
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

# Packages before the code: a change of the code leaves the large layers as they are.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM packages AS build
COPY nest-cli.json tsconfig.json ./
COPY apps/server ./apps/server
COPY libs ./libs
COPY migrations ./migrations
COPY scripts/bundle.mjs ./scripts/
RUN npm run build

FROM packages AS dependencies
RUN npm prune --omit=dev --no-audit --no-fund

FROM ${NODE_IMAGE} AS runtime
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="a2a-mcp-server" \
      org.opencontainers.image.description="A server between MCP clients and A2A agents" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# An init that reaps what the embedded database leaves behind.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY --from=build /app/dist ./dist
USER 10001:10001
EXPOSE 3000 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT ?? 3000) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Arguments of node may stand before the program: `docker run … --async-stack-traces dist/apps/server/src/main.js`.
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "node"]
CMD ["dist/apps/server/src/main.js"]
