# Not slim: this one has the C compiler that makes the native engine. The image of the last stage needs none.
FROM node:24 AS build
WORKDIR /app
# npm install and not npm ci: it honours the same lock file, and does not stop at optional binaries of other platforms
# that the lock file has no entry for.
COPY package.json package-lock.json .npmrc ./
RUN npm install --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY workers workers
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# A new volume takes its owner from here.
RUN mkdir /data && chown node:node /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
VOLUME /data
EXPOSE 3000
CMD ["node", "dist/src/server.js"]
