// Asks caniemail what mail programs know: {clients, given: {name: {html} or {css}}} in, {name: [[feature, client]]} out.
import { answer, asked, need } from './peers.mjs';

const { caniemail } = need('caniemail');
const found = {};
for (const [name, given] of Object.entries(asked.given)) {
  const { issues } = caniemail({ clients: asked.clients, ...given });
  found[name] = [...issues.errors, ...issues.warnings].flatMap(([client, features]) =>
    features.map(({ title }) => [title, client]),
  );
}
answer(found);
