# lbtop as coordinator, node or word: docker build -t lbtop . && docker run --rm lbtop --demo
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json cli.tsx ./
COPY source source
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production XDG_STATE_HOME=/state XDG_CONFIG_HOME=/config
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY bin /app/bin
COPY license /app/license
# Volumes that are mounted there take these owners over.
RUN ln -s /app/bin/lbtop.js /usr/local/bin/lbtop \
    && install -d -o node -g node -m 700 /data /secret /state /config /work
USER node
WORKDIR /work
EXPOSE 7077 9077 9078
ENTRYPOINT ["lbtop"]
CMD ["--help"]
