// Publishes one command of the credit service from Node.js, confirmed: exit 0 once the broker has stored it.
//   BROKER_URL=amqp://… node producer.mjs credits.purchase '{"merchant_id": "…", "credits": 100, "purchase_id": "order-1"}'
// A repeat with the same reference changes nothing, so what is not confirmed may be sent again.
import { randomUUID } from "node:crypto";
import amqp from "amqplib";

const EXCHANGE = "credits.commands";

async function publish(channel, task, kwargs) {
  const id = randomUUID();
  const returned = new Promise((resolve) => channel.once("return", resolve));
  const body = Buffer.from(JSON.stringify([[], kwargs, {}])); // Celery's protocol 2: [args, kwargs, embed]
  const confirmed = new Promise((resolve, reject) => {
    channel.publish(EXCHANGE, task, body, {
      persistent: true,
      mandatory: true, // else a message that no queue is bound for would vanish
      contentType: "application/json",
      contentEncoding: "utf-8",
      correlationId: id,
      headers: { lang: "js", task, id, root_id: id, ignore_result: true },
    }, (error) => (error ? reject(error) : resolve()));
  });
  await confirmed;
  // The broker returns a message ahead of its confirm.
  if (await Promise.race([returned, Promise.resolve(null)])) throw new Error(`no queue takes ${task}`);
  return id;
}

const [task, json] = process.argv.slice(2);
const connection = await amqp.connect(process.env.BROKER_URL ?? "amqp://localhost");
try {
  const channel = await connection.createConfirmChannel();
  console.log(await publish(channel, task, JSON.parse(json)));
} catch (error) {
  console.error(`not sent: ${error.message}`);
  process.exitCode = 1;
} finally {
  await connection.close().catch(() => {});
}
