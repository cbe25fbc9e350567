"""PyPI sqlalchemy-libsql against a running db-service: `python sqlalchemy_py.py URL`."""

import sys
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String, create_engine, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

ADDRESS = sys.argv[1].removeprefix("http://")


class Base(DeclarativeBase):
    pass


class Store(Base):
    __tablename__ = "alchemy_stores"
    id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str] = mapped_column(String(30), unique=True)
    sales: Mapped[list["Sale"]] = relationship(back_populates="store", order_by="Sale.id")


class Sale(Base):
    __tablename__ = "alchemy_sales"
    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("alchemy_stores.id"), index=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    note: Mapped[str | None]
    store: Mapped[Store] = relationship(back_populates="sales")


engine = create_engine(f"sqlite+libsql://{ADDRESS}")
Base.metadata.create_all(engine)

seen = inspect(engine)
assert {"alchemy_stores", "alchemy_sales"} <= set(seen.get_table_names())
assert [column["name"] for column in seen.get_columns("alchemy_sales")] == ["id", "store_id", "amount", "note"]
assert seen.get_pk_constraint("alchemy_sales")["constrained_columns"] == ["id"]
assert seen.get_foreign_keys("alchemy_sales")[0]["referred_table"] == "alchemy_stores"
assert seen.get_indexes("alchemy_sales")[0]["column_names"] == ["store_id"]

with Session(engine) as session:
    paris = Store(city="Paris", sales=[Sale(amount=Decimal("12.50")), Sale(amount=Decimal("7.25"), note="é")])
    session.add_all([paris, Store(city="Lyon")])
    session.commit()
    assert paris.id == 1

with Session(engine) as session:
    total = session.scalar(select(func.sum(Sale.amount)).join(Store).where(Store.city == "Paris"))
    assert total == Decimal("19.75"), total
    store = session.scalars(select(Store).where(Store.city == "Paris")).one()
    assert [sale.note for sale in store.sales] == [None, "é"]
    store.sales[0].note = "changed"
    session.flush()
    session.rollback()
    assert session.scalar(select(func.count()).where(Sale.note == "changed")) == 0

with Session(engine) as session:
    session.add(Store(city="Paris"))
    try:
        session.commit()
    except (IntegrityError, ValueError) as error:  # the driver raises ValueError
        assert "UNIQUE constraint failed" in str(error), error
    else:
        raise AssertionError("a duplicate was taken")
print("ok")
