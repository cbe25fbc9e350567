//! What imports take back: how rows were before, and which are new.
//!
//! | file | what it does |
//! | --- | --- |
//! | `notes` | a batch notes what it changes, in its own transaction |
//! | `conflicts` | what others changed since, so that it cannot be taken back |
//! | `take_back` | puts back and takes away |
//! | `submission` | puts the job that does it into the queue, once |
//!
//! Sales that an import adds need no note: each line says which job wrote it, and triggers note the lines that SQL by
//! hand changes since (`sales_changed_since`). What is changed or taken away is kept as it was, with the import that had
//! written it. Rows of products, stores and targets do not say who wrote them: they are kept as the import left them,
//! and have changed since where they are different now.

pub(crate) mod conflicts;
pub(crate) mod notes;
pub(crate) mod submission;
pub(crate) mod take_back;

use script_api::ImportTable;

/// A table from which rows are taken back.
#[derive(Debug)]
pub(crate) struct UndoTable {
    /// What it is called, in notes and in SQL.
    pub sql: &'static str,
    /// The columns of its key.
    pub key: &'static [&'static str],
    /// The others, which are put back.
    pub others: &'static [&'static str],
    /// The columns that refer to a row of it, each with its table.
    used_by: &'static [(&'static str, &'static str)],
    /// What one of its rows is called, as SQL over `note`, its values as JSON, and over `row_key`.
    called: &'static str,
}

pub(crate) static SALES: UndoTable = UndoTable {
    sql: "sales",
    key: &["id"],
    others: &[
        "product_id",
        "store_id",
        "sale_date",
        "quantity_milli",
        "amount_cents",
        "ticket_id",
        "sale_time",
        "cost_cents",
        "discount_cents",
        "tax_cents",
        "channel",
        "buyer",
        "line_key",
        "import_job_id",
    ],
    used_by: &[],
    called: "concat('sale ', json_extract(row_key, '$[0]'), ' of ', json_extract(note, '$.sale_date'))",
};

pub(crate) static PRODUCTS: UndoTable = UndoTable {
    sql: "products",
    key: &["id"],
    others: &[
        "name",
        "price_cents",
        "category",
        "code",
        "code_key",
        "name_key",
        "made_by_job",
    ],
    used_by: &[("sales", "product_id"), ("product_targets", "product_id")],
    called: "concat(json_extract(note, '$.name'), ' (', json_extract(row_key, '$[0]'), ')')",
};

pub(crate) static STORES: UndoTable = UndoTable {
    sql: "stores",
    key: &["id"],
    others: &[
        "city",
        "region",
        "address",
        "code",
        "name",
        "code_key",
        "name_key",
        "made_by_job",
    ],
    used_by: &[("sales", "store_id")],
    called: "concat(COALESCE(json_extract(note, '$.name'), json_extract(note, '$.city')), ' (', \
             json_extract(row_key, '$[0]'), ')')",
};

pub(crate) static TARGETS: UndoTable = UndoTable {
    sql: "product_targets",
    key: &["product_id", "month"],
    others: &["target_cents"],
    used_by: &[],
    called: "concat('product ', json_extract(row_key, '$[0]'), ' in ', json_extract(row_key, '$[1]'))",
};

/// Tables whose rows do not say who wrote them, children before parents.
static LISTS: [&UndoTable; 3] = [&TARGETS, &STORES, &PRODUCTS];

impl UndoTable {
    /// How rows of `table` are taken back.
    pub(crate) fn of(table: ImportTable) -> &'static Self {
        match table {
            ImportTable::Sales => &SALES,
            ImportTable::Products => &PRODUCTS,
            ImportTable::Stores => &STORES,
            ImportTable::Targets => &TARGETS,
        }
    }

    /// Whether its rows say themselves which job wrote them.
    fn names_its_job(&self) -> bool {
        self.sql == "sales"
    }

    /// The key of a row, as notes have it.
    fn key_now(&self) -> String {
        format!("json_array({})", self.key.join(", "))
    }

    /// The values of a row, as notes have them.
    fn values_now(&self) -> String {
        let pairs: Vec<String> = self
            .others
            .iter()
            .map(|column| format!("'{column}', {column}"))
            .collect();
        format!("json_object({})", pairs.join(", "))
    }

    /// The condition on a row of the table that it is the one of the note `u`.
    fn is_noted(&self) -> String {
        let places: Vec<String> = self
            .key
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{}.{column} = json_extract(u.row_key, '$[{place}]')", self.sql))
            .collect();
        places.join(" AND ")
    }

    /// The condition on a row of the table that it is as the note `u` says that the import left it.
    fn is_as_left(&self) -> String {
        // Who made a row says nothing about what it is.
        let others = self.others.iter().filter(|column| **column != "made_by_job");
        let same: Vec<String> = others
            .map(|column| format!("json_extract(u.after, '$.{column}') IS {}.{column}", self.sql))
            .collect();
        same.join(" AND ")
    }

    /// The condition on the note `u` that nothing refers to its row, but for what job `?2` itself wrote when
    /// `others_alone`.
    fn is_unused(&self, others_alone: bool) -> String {
        let places = self.used_by.iter().map(|(user, column)| {
            let but = match *user {
                _ if !others_alone => "1",
                "sales" => "import_job_id IS NOT ?2",
                _ => {
                    "json_array(product_id, month) NOT IN (
                        SELECT row_key FROM job_undo
                        WHERE job_id = ?2 AND table_name = 'product_targets' AND change = 'added'
                    )"
                }
            };
            format!("json_extract(u.row_key, '$[0]') NOT IN (SELECT {column} FROM {user} WHERE {but})")
        });
        let places: Vec<String> = places.collect();
        places.join(" AND ")
    }

    /// Whether others may refer to its rows.
    fn is_used(&self) -> bool {
        !self.used_by.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_imports_is_taken_back() {
        for table in ImportTable::ALL {
            assert_eq!(
                UndoTable::of(table).sql,
                crate::imports::tables::TableSpec::spec(table).stored_as
            );
        }
    }

    #[test]
    fn every_column_that_files_fill_is_put_back() {
        for table in ImportTable::ALL {
            let UndoTable { sql, key, others, .. } = UndoTable::of(table);
            for column in crate::imports::tables::TableSpec::spec(table).columns {
                let name = column.stored_as;
                assert!(key.contains(&name) || others.contains(&name), "{sql}.{name}");
            }
        }
    }
}
