"""A data migration in Python: an asyncpg-style connection, inside the migration's own transaction."""

from typing import Any


class FillOrderTotals:
    name = "fill_order_totals"
    version = "0007"
    dependencies = ["create_order_lines"]

    async def up(self, connection: Any) -> None:
        await connection.execute("ALTER TABLE orders ADD COLUMN total_cents bigint NOT NULL DEFAULT 0")
        rows = await connection.fetch(
            "SELECT l.order_id, sum(l.quantity * p.price_cents) AS total"
            " FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY l.order_id"
        )
        await connection.executemany(
            "UPDATE orders SET total_cents = $2 WHERE id = $1", [(row["order_id"], row["total"]) for row in rows]
        )

    async def down(self, connection: Any) -> None:
        await connection.execute("ALTER TABLE orders DROP COLUMN total_cents")
