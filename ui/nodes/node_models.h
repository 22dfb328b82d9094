// SPDX-License-Identifier: GPL-3.0-or-later
// Which models a node of another machine can be told to load, what they need and what is free there, and how far a
// change is.
#pragma once

#include "core/client/node_admin_client.h"
#include "ui/base/courier.h"

#include <QTimer>
#include <QWidget>

#include <memory>
#include <optional>

class QLabel;
class QProgressBar;
class QPushButton;
class QStandardItemModel;
class QTableView;

namespace fulgurite {

class Card;
class NodeHub;
class ThemeManager;

class NodeModels : public QWidget {
    Q_OBJECT

  public:
    NodeModels(ThemeManager& themes, NodeHub& hub, QWidget* parent = nullptr);
    ~NodeModels() override;

    // Shows it for that node, and asks the node for its models.
    void open(const QString& id);
    void closePanel();
    const QString& node() const { return id_; }

    // What is chosen in the table; empty: nothing.
    QString chosen() const;

  signals:
    void closed();

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    QWidget* buildBody();
    void ask();
    void askChoices();
    void take(const client::Outcome<client::ModelState>& state, bool of_order);
    void showChoices();
    void showState();
    void showNote();
    void load();
    void unload();
    void stop();
    bool tooLarge() const;
    const client::ModelChoice* choice() const;
    client::Callback<client::ModelState> heard(bool of_order);

    ThemeManager& themes_;
    NodeHub& hub_;
    std::shared_ptr<Courier> courier_;
    std::unique_ptr<client::NodeAdminClient> admin_;
    QString id_;
    client::ModelChoices choices_;
    client::ModelState state_;
    QString problem_; // stays until the next order
    quint64 generation_ = 0;
    QTimer timer_;
    Card* card_;
    QTableView* table_;
    QStandardItemModel* rows_;
    QLabel* note_;
    QLabel* words_;
    QProgressBar* bar_;
    QPushButton* load_;
    QPushButton* unload_;
    QPushButton* stop_;
    QPushButton* close_;
};

} // namespace fulgurite
