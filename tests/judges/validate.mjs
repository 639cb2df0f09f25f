// Judges documents by html-validate's recommended rules: {name: html} in, {name: [{rule, message, line}]} out.
import { answer, asked, need } from './peers.mjs';

const { HtmlValidate } = need('html-validate');
const judge = new HtmlValidate({ root: true, extends: ['html-validate:recommended'] });
const found = {};
for (const [name, html] of Object.entries(asked)) {
  const { results } = await judge.validateString(html);
  found[name] = results
    .flatMap(({ messages }) => messages)
    .map(({ ruleId, message, line }) => ({ rule: ruleId, message, line }));
}
answer(found);
