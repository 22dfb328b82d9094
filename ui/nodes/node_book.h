// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes that the person has added, in their order, kept in one file. Tokens are not in it (secret_store.h).
#pragma once

#include <QList>
#include <QObject>
#include <QString>
#include <QStringList>

#include <optional>

namespace fulgurite {

inline const QString kLocalNode = QStringLiteral("local");

struct NodeEntry {
    QString id; // never changes; kLocalNode is this computer's engine
    QString name;
    QString address;     // "https://host:port"; of a tunnel as the other end sees it: "http://127.0.0.1:8080"
    QString ssh_host;    // a name of the ssh configuration, or user@host; empty: no tunnel
    QString model;       // of a server that offers several; empty: its first
    QString fingerprint; // SHA-256 of the certificate that was pinned; empty: certificates are verified as usual

    bool tunnelled() const { return !ssh_host.isEmpty(); }
    bool operator==(const NodeEntry&) const = default;
};

class NodeBook : public QObject {
    Q_OBJECT

  public:
    // Reads the file; one that cannot be read is moved aside and told by problem().
    explicit NodeBook(const QString& file, QObject* parent = nullptr);

    // This computer first as long as nobody has moved it.
    const QList<NodeEntry>& entries() const { return entries_; }
    const NodeEntry* find(const QString& id) const;
    const QString& defaultNode() const { return default_; } // of new conversations
    const QString& problem() const { return problem_; }

    // Gives it an id and a name of its own where those are empty; returns the id.
    QString add(NodeEntry entry);
    void change(const NodeEntry& entry);
    void remove(const QString& id); // not this computer
    // Brings back what was removed last, to its place. Its id, or empty: there is nothing.
    QString undoRemove();
    // Nodes that were removed and not brought back, in this run or an earlier one, until they are forgotten: what
    // is kept of them elsewhere can go.
    const QStringList& removed() const { return removed_ids_; }
    void forget(const QString& id);
    void move(const QString& id, int by);
    void setDefault(const QString& id);

  signals:
    void changed();
    void failed(const QString& message); // the file cannot be written

  private:
    void read();
    void save(); // and tells of the change
    void write();

    QString file_;
    QString problem_;
    QList<NodeEntry> entries_;
    QString default_ = kLocalNode;
    struct Removed {
        NodeEntry entry;
        qsizetype index = 0;
        bool was_default = false;
    };
    std::optional<Removed> removed_;
    QStringList removed_ids_;
};

} // namespace fulgurite
