# syntax=docker/dockerfile:1
# TensorFlow.js's native backend works on Node 22 at most, and is downloaded while the image is built:
#   docker build --build-arg NODE=22 --build-arg TFJS_NODE=4.22.0 --tag descent:0.1.0 .
ARG NODE=24

# Not slim: this one has the C compiler that makes the native engine. The image of the last stage needs none.
FROM node:$NODE AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY workers workers
RUN NATIVE_BUILD=required npm run build
# Source maps point at sources that the image does not have.
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
# A new volume takes its owner from here. 1000 is the image's user node; a number can be checked by who runs it.
RUN mkdir /data && chown 1000:1000 /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY --from=build /app/dist/workers dist/workers
USER 1000:1000
VOLUME /data
EXPOSE 3000
CMD ["node", "dist/src/server.js"]
