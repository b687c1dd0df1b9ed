# syntax=docker/dockerfile:1
# TensorFlow.js's native backend needs Node 22 or older, and is downloaded during the build:
#   docker build --build-arg NODE=22 --build-arg TFJS_NODE=4.22.0 --tag descent:0.1.0 .
ARG NODE=24

# Not slim: this stage needs a C compiler for the native engine. The final image does not.
FROM node:$NODE AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY openapi/openapi.json openapi/
COPY scripts scripts
COPY src src
COPY workers workers
COPY web web
RUN NATIVE_BUILD=required npm run build
# The image has no sources for source maps to point at.
RUN npm prune --omit=dev && find dist -name '*.map' -delete
ARG TFJS_NODE=
RUN --mount=type=cache,target=/root/.npm \
  if [ -n "$TFJS_NODE" ]; then \
  npm install --no-save --omit=dev --ignore-scripts=false "@tensorflow/tfjs-node@$TFJS_NODE"; fi

FROM node:$NODE-slim
LABEL org.opencontainers.image.title="descent" \
  org.opencontainers.image.description="A self-hosted HTTP API that trains neural networks" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
# Where Debian's servers are out of reach, the image is made without it, and GET /datasets says so.
RUN apt-get update && apt-get install --yes --no-install-recommends dataset-fashion-mnist \
  && rm -rf /var/lib/apt/lists/* || echo 'fashion_mnist could not be installed'
# A new volume inherits this owner: 1000 is the image's user node. Being a number, USER lets Kubernetes verify that the
# user is not root.
RUN mkdir /data && chown 1000:1000 /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY --from=build /app/dist/workers dist/workers
COPY --from=build /app/dist/web dist/web
# docker compose run --rm api keys list
RUN printf '#!/bin/sh\nexec node /app/dist/src/keys.js "$@"\n' > /usr/local/bin/keys && chmod 755 /usr/local/bin/keys
USER 1000:1000
VOLUME /data
EXPOSE 3000
CMD ["node", "dist/src/server.js"]
