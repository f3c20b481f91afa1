//! What becomes of rows when a change is settled.

use super::{
    endpoint,
    journal::{self, Verdict},
    network,
    tests::{attach, database, demo, failed, open, scope, settle, with_box, with_network},
};
use drawbridge_plan::Scope;

#[test]
fn a_settled_change_makes_rows_live_or_takes_them_away() {
    let db = &database();
    let change = open(db);
    network::insert(db, &demo(1), change).unwrap();
    settle(db, change, failed());
    assert_eq!(network::list(db).unwrap(), []);

    let network = with_network(db, 2);
    let change = open(db);
    network::mark_removing(db, &network.id, change).unwrap();
    assert_eq!(network::list(db).unwrap(), [], "what is going is not listed");
    settle(db, change, failed());
    assert_eq!(network::list(db).unwrap(), vec![network.clone()], "what could not go is back");
    let change = open(db);
    network::mark_removing(db, &network.id, change).unwrap();
    settle(db, change, Verdict::Done);
    assert_eq!(network::get(db, &network.id).unwrap(), None);
}

#[test]
fn a_change_settles_the_rows_of_its_scope() {
    let db = &database();
    let rows_of = |id: i64| {
        let sql = "select count(*) from (select change_id from network union all select change_id from namespace
                                         union all select change_id from endpoint) where change_id = ?";
        db.query_row(sql, [id], |row| row.get::<_, i64>(0)).unwrap()
    };
    let change = open(db);
    network::insert(db, &demo(1), change).unwrap();
    let elements = Vec::new();
    let of_network = Scope::Network { id: demo(1).id, bridge: demo(1).bridge.unwrap(), elements };
    assert_eq!(rows_of(change), 1);
    journal::settle(db, change, &of_network, &[], &Verdict::Done, 2).unwrap();
    assert_eq!(rows_of(change), 0);

    let record = with_box(db, 1);
    let (change, endpoint) = attach(db, &record, &demo(1)).unwrap();
    assert_eq!(rows_of(change), 2);
    journal::settle(db, change, &scope(&record), &[], &Verdict::Done, 2).unwrap();
    assert_eq!(rows_of(change), 0);
    assert_eq!(endpoint::of_container(db, &record.id).unwrap(), [endpoint]);

    let change = open(db);
    endpoint::mark_removing(db, &record.id, change).unwrap();
    journal::settle(db, change, &scope(&record), &[], &Verdict::Done, 2).unwrap();
    assert_eq!((rows_of(change), endpoint::of_container(db, &record.id).unwrap()), (0, Vec::new()));
    assert_eq!(endpoint::namespace(db, &record.id).unwrap(), None);
}
