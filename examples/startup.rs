use routedesk::*; use std::time::Instant;
fn main(){let p=std::path::Path::new("/tmp/t.db");
let t=Instant::now();let f=facts::text::shipped();println!("parse {:?}",t.elapsed());
let t=Instant::now();let s=store::Store::open(p).unwrap();println!("open {:?}",t.elapsed());
let t=Instant::now();let f2=s.facts().unwrap();println!("facts {:?} same {}",t.elapsed(),f==f2);
let t=Instant::now();let l=understanding::Lessons::gather(&f2,true);println!("lessons {:?}",t.elapsed());
let t=Instant::now();let b=s.model(l.checksum()).unwrap();println!("model {:?} {}",t.elapsed(),b.is_some());
let t=Instant::now();let m=understanding::model::Model::from_bytes(&b.unwrap());println!("read {:?} {}",t.elapsed(),m.is_some());
let t=Instant::now();let v=understanding::vectors::Vectors::shipped();println!("vectors {:?}",t.elapsed());
let t=Instant::now();let e=understanding::spelling::English::new();println!("english {:?}",t.elapsed());
let t=Instant::now();let i=understanding::Index::with_model(l,m.unwrap());println!("index {:?}",t.elapsed());
}
