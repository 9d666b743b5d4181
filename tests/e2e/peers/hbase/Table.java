// A client of HBase for the end-to-end tests: makes a table, puts rows, reads them back.
// It fails with HBase's own exception; the story decides what to try again.

import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Get;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.util.Bytes;

public final class Table {
  private static final byte[] FAMILY = Bytes.toBytes("f");
  private static final byte[] COLUMN = Bytes.toBytes("value");

  private Table() {}

  /** create NAME | put NAME FROM TO | get NAME FROM TO. */
  public static void main(String[] words) throws Exception {
    TableName name = TableName.valueOf(words[1]);
    try (Connection connection = ConnectionFactory.createConnection(HBaseConfiguration.create())) {
      switch (words[0]) {
        case "create" -> create(connection, name);
        case "put" -> put(connection, name, Integer.parseInt(words[2]), Integer.parseInt(words[3]));
        case "get" -> get(connection, name, Integer.parseInt(words[2]), Integer.parseInt(words[3]));
        default -> throw new IllegalArgumentException(words[0]);
      }
    }
    System.out.println("done");
  }

  private static void create(Connection connection, TableName name) throws Exception {
    try (Admin admin = connection.getAdmin()) {
      if (!admin.tableExists(name)) {
        admin.createTable(
            TableDescriptorBuilder.newBuilder(name)
                .setColumnFamily(ColumnFamilyDescriptorBuilder.of(FAMILY))
                .build());
      }
    }
  }

  private static void put(Connection connection, TableName name, int from, int to) throws Exception {
    List<Put> puts = new ArrayList<>();
    for (int number = from; number < to; number++) {
      puts.add(new Put(row(number)).addColumn(FAMILY, COLUMN, value(number)));
    }
    try (org.apache.hadoop.hbase.client.Table table = connection.getTable(name)) {
      table.put(puts);
    }
  }

  private static void get(Connection connection, TableName name, int from, int to) throws Exception {
    try (org.apache.hadoop.hbase.client.Table table = connection.getTable(name)) {
      for (int number = from; number < to; number++) {
        Result found = table.get(new Get(row(number)));
        if (!Bytes.equals(found.getValue(FAMILY, COLUMN), value(number))) {
          throw new IllegalStateException("row " + number + " is missing or wrong");
        }
      }
    }
  }

  private static byte[] row(int number) {
    return Bytes.toBytes(String.format("row-%06d", number));
  }

  private static byte[] value(int number) {
    return Bytes.toBytes("value-" + number);
  }
}
